#!/usr/bin/env python3
"""Records what Pillow and torchvision make of one picture, for transform_reference_test.go.

  python make_transforms.py        (pip install torch torchvision pillow numpy; writes transforms/ beside this file)

The picture is synthetic: colour gradients, hard edges, saturated patches, greys and noise.
"""
import json, pathlib
import numpy as np, PIL, torchvision
from PIL import Image, ImageFilter, ImageOps
from torchvision import transforms as T
from torchvision.transforms import functional as F

out = pathlib.Path(__file__).parent / "transforms"
out.mkdir(exist_ok=True)
for old in out.glob("*"):
    old.unlink()

W, H = 61, 47
rng = np.random.default_rng(7)
y, x = np.mgrid[0:H, 0:W].astype(np.float64)
a = np.stack([255 * x / W, 255 * y / H, 255 * (1 - x / W)], -1)                     # gradient
a[5:20, 8:24] = [230, 30, 20]; a[10:26, 18:34] = [20, 200, 40]; a[16:30, 28:40] = [10, 30, 240]
a[(x - 48) ** 2 + (y - 12) ** 2 < 80] = [250, 220, 10]                              # disc
a[30:46, 2:20] = (rng.integers(0, 256, (16, 18, 1)))                                # grey noise
a[30:46, 22:40] = rng.integers(0, 256, (16, 18, 3))                                 # colour noise
a[30:46:2, 42:59] = 255; a[31:46:2, 42:59] = 0                                      # stripes
a[26:29, 42:59] = [128, 128, 128]; a[0:3] = 255; a[:, 0:2] = 0
src = Image.fromarray(a.clip(0, 255).round().astype(np.uint8))
src.save(out / "source.png")

cases = []
def case(op, image, **params):
    name = f"{op}_{sum(c['op'] == op for c in cases)}.png"
    image.save(out / name)
    cases.append(dict(op=op, file=name, **params))

for f in (0, .6, 1, 1.37): case("brightness", F.adjust_brightness(src, f), amount=f)
for f in (0, .6, 1.4): case("contrast", F.adjust_contrast(src, f), amount=f)
for f in (0, .8, 1.2, 1.9): case("saturation", F.adjust_saturation(src, f), amount=f)
for f in (-.5, -.1, -.037, 0, .05, .1, .3): case("hue", F.adjust_hue(src, f), amount=f)
case("grayscale", F.to_grayscale(src, 3))
for t in (128, 0, 200, 256): case("solarize", ImageOps.solarize(src, t), amount=t)
case("flip", F.hflip(src))
for s in (.1, .3, .7, 1, 1.5, 2, 3.3): case("blur", src.filter(ImageFilter.GaussianBlur(s)), amount=s)
B = T.InterpolationMode.BICUBIC
for box, size in (((0, 0, W, H), 32), ((3, 5, 20, 31), 32), ((10, 2, 50, 40), 28), ((7, 9, 32, 20), 32), ((7, 9, 20, 32), 32),
                  ((5, 5, 32, 32), 32), ((40, 30, 3, 2), 16), ((0, 0, W, H), 7), ((11, 13, 1, 1), 4), ((0, 0, 61, 5), 3)):
    l, t, w, h = box
    case("crop", F.resized_crop(src, t, l, h, w, [size, size], B), box=[l, t, w, h], size=size)
for resize, size in ((40, 32), (32, 32), (60, 56)):
    case("eval", F.center_crop(F.resize(src, resize, B), size), size=size, amount=resize)

text = ",\n".join(json.dumps(c) for c in cases)
(out / "cases.json").write_text(f'{{"made_by": "Pillow {PIL.__version__}, torchvision {torchvision.__version__}", "cases": [\n{text}\n]}}\n')
