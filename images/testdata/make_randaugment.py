#!/usr/bin/env python3
"""Records what Pillow makes of parts of transforms/source.png by the operations of RandAugment that make_transforms.py
does not have, for transform_reference_test.go.

  python make_randaugment.py        (pip install pillow; writes randaugment/ beside this file)
"""
import json, pathlib
import PIL
from PIL import Image, ImageEnhance, ImageOps

here = pathlib.Path(__file__).parent
out = here / "randaugment"
out.mkdir(exist_ok=True)
for old in out.glob("*"):
    old.unlink()
source = Image.open(here / "transforms" / "source.png").convert("RGB")
WHOLE, NOISE, THIN, DOT, PLAIN = (0, 0, 61, 47), (19, 28, 24, 20), (30, 3, 2, 40), (50, 10, 1, 1), (43, 26, 9, 3)
FILL = (124, 116, 104)

cases = []
def case(op, box, operation, **params):
    x, y, w, h = box
    name = f"{op}_{sum(c['op'] == op for c in cases)}.png"
    operation(source.crop((x, y, x + w, y + h))).save(out / name)
    cases.append(dict(op=op, file=name, box=box, **params))

for box in (WHOLE, NOISE, THIN, DOT, PLAIN):
    case("autocontrast", box, ImageOps.autocontrast)
    case("equalize", box, ImageOps.equalize)
case("invert", WHOLE, ImageOps.invert)
for bits in (1, 3, 8):
    case("posterize", NOISE, lambda m: ImageOps.posterize(m, bits), amount=bits)
for add in (0, 99, 128):
    case("solarize_add", WHOLE, lambda m: m.point([min(255, v + add) if v < 128 else v for v in range(256)] * 3), amount=add)
for box, factor in ((WHOLE, 0), (WHOLE, .1), (WHOLE, 1), (WHOLE, 1.9), (NOISE, .55), (THIN, .1), (DOT, 1.5)):
    case("sharpness", box, lambda m: ImageEnhance.Sharpness(m).enhance(factor), amount=factor)
filters = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR}
for name, f in filters.items():
    for box, degrees in ((WHOLE, 26.3), (WHOLE, -11.1), (WHOLE, 0), (NOISE, 90), (WHOLE, 180), (THIN, 30), (DOT, -5)):
        case("rotate", box, lambda m: m.rotate(degrees, f, fillcolor=FILL), amount=degrees, filter=name)
    for matrix in ((1, .27, 0, 0, 1, 0), (1, 0, 0, -.131, 1, 0), (1, 0, 22.95, 0, 1, 0), (1, 0, 0, 0, 1, -9.3),
                   (1, 0, 7, 0, 1, -3), (.31, .04, 11.2, -.03, .4, 12.7), (2.2, .5, -20, .1, 1.7, -8)):
        case("affine", WHOLE, lambda m: m.transform(m.size, Image.Transform.AFFINE, matrix, f, fillcolor=FILL), matrix=matrix, filter=name)

text = ",\n".join(json.dumps(c) for c in cases)
(out / "cases.json").write_text(f'{{"made_by": "Pillow {PIL.__version__}", "cases": [\n{text}\n]}}\n')
