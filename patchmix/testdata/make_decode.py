#!/usr/bin/env python3
"""Records image files of every kind and what Pillow decodes them to, for decode_test.go.

  python make_decode.py        (pip install pillow; writes decode/ beside this file, from transforms/source.png)

NAME.png beside NAME is what Image.open(NAME).convert("RGB") gives.
"""
import pathlib
from PIL import Image

here = pathlib.Path(__file__).parent
out = here / "decode"
out.mkdir(exist_ok=True)
for old in out.glob("*"):
    old.unlink()
src = Image.open(here / "transforms" / "source.png").convert("RGB")
odd, small = src.crop((0, 0, 45, 31)), src.crop((8, 5, 15, 8))

def case(name, image, **options):
    image.save(out / name, **options)
    Image.open(out / name).convert("RGB").save(out / (name + ".png"))

for name, sub in (("444", 0), ("422", 1), ("420", 2)):
    case(f"{name}.jpg", odd, quality=85, subsampling=sub)
case("small.jpg", small, quality=75, subsampling=2)
case("fine.jpg", odd, quality=100, subsampling=0)
case("coarse.jpg", odd, quality=5, subsampling=2)
case("optimized.jpg", odd, quality=80, optimize=True)
case("restart.jpg", odd, quality=80, restart_marker_blocks=2)
case("progressive.jpg", odd, progressive=True)
case("grey.jpg", odd.convert("L"))
case("cmyk.jpg", odd.convert("CMYK"))
case("lossy.webp", odd, quality=90)
case("lossless.webp", odd, lossless=True)
case("rgb.bmp", odd)
case("palette.gif", odd.convert("P"))
case("grey.png", odd.convert("L"))
case("palette.png", odd.convert("P"))
alpha = odd.convert("RGBA"); alpha.putalpha(90)
case("alpha.png", alpha)
case("alpha.webp", alpha, quality=90)
case("grey_alpha.png", alpha.convert("LA"))
