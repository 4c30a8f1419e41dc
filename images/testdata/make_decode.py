#!/usr/bin/env python3
"""Records image files of every kind and what Pillow decodes them to, for decode_test.go.

  python make_decode.py        (pip install pillow numpy; writes decode/ and unread/ beside this file, from transforms/source.png)

NAME.png beside NAME is what Image.open(NAME).convert("RGB") gives; of 16 bits it is the upper bytes of the
numbers that were drawn, for Pillow cuts greys off at 255.
"""
import pathlib
import struct
import zlib
import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent
out, unread = here / "decode", here / "unread"
for folder in (out, unread):
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*"):
        old.unlink()
src = Image.open(here / "transforms" / "source.png").convert("RGB")
odd, small = src.crop((0, 0, 45, 31)), src.crop((8, 5, 15, 8))

def case(name, image, **options):
    image.save(out / name, **options)
    expect(name)

def expect(name):
    image = Image.open(out / name).convert("RGB")
    image.info.clear()
    image.save(out / (name + ".png"))

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

# Transparency of every strength and kind; the colour below it is what counts.
random = np.random.RandomState(0)
ramp = odd.convert("RGBA"); ramp.putalpha(Image.fromarray(random.randint(0, 256, (31, 45)).astype("u1")))
clear = odd.convert("P").getpixel((10, 10))
case("ramp.png", ramp)
case("ramp.webp", ramp, lossless=True, exact=True)
case("clear.gif", odd.convert("P"), transparency=clear)
case("clear.png", odd.convert("P"), transparency=clear)
case("palette_ramp.png", odd.convert("P"), transparency=bytes(range(256)))
case("key.png", odd, transparency=odd.getpixel((3, 3)))
case("grey_key.png", odd.convert("L"), transparency=odd.convert("L").getpixel((3, 3)))

# A first picture that is smaller than the GIF's screen, with and without a transparent colour.
case("animated.gif", odd, save_all=True, append_images=[odd.rotate(180)])
for name in ("palette.gif", "clear.gif"):
    data = bytearray((out / name).read_bytes())
    data[6:10] = struct.pack("<HH", 60, 40)
    at = data.index(b",", 13 + (3 << (1 + (data[10] & 7))) + (8 if name == "clear.gif" else 0))
    data[at + 1:at + 5] = struct.pack("<HH", 5, 4)
    (out / ("small_" + name)).write_bytes(data)
    expect("small_" + name)

for name, image in (("rgb", odd), ("grey", odd.convert("L")), ("palette", odd.convert("P")), ("bits", odd.convert("1")), ("ramp", ramp)):
    for compression in (None, "tiff_lzw", "tiff_deflate", "packbits"):
        if name in ("rgb", "grey") or compression == "tiff_lzw":
            case(f"{name}_{compression or 'raw'}.tif", image, compression=compression)
case("predictor.tif", odd, compression="tiff_lzw", tiffinfo={317: 2})
case("pages.tif", odd, save_all=True, append_images=[odd.rotate(180)])
case("fax.tif", odd.convert("1"), compression="group4", tiffinfo={262: 0})

# 16 bits.
def png(pixels, kind):
    chunk = lambda tag, data: struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data))
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", pixels.shape[1], pixels.shape[0], 16, kind, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")

def upper(name, pixels):
    pixels = pixels if pixels.shape[-1] >= 3 else np.repeat(pixels[..., :1], 3, axis=-1)
    Image.fromarray((pixels[..., :3] >> 8).astype("u1")).save(out / (name + ".png"))

for name, kind, channels in (("grey", 0, 1), ("rgb", 2, 3), ("grey_alpha", 4, 2), ("rgba", 6, 4)):
    pixels = random.randint(0, 1 << 16, (31, 45, channels)).astype("u2")
    (out / f"{name}16.png").write_bytes(png(pixels, kind))
    upper(f"{name}16.png", pixels)
    if channels == 1:
        Image.fromarray(pixels[..., 0]).save(out / "grey16.tif")
        upper("grey16.tif", pixels)

# Good images that are not read, and are told so.
odd.save(unread / "animated.webp", save_all=True, append_images=[odd.rotate(180)], lossless=True)
odd.convert("CMYK").save(unread / "cmyk.tif")
odd.save(unread / "turned.tif", tiffinfo={274: 6})
odd.convert("1").save(unread / "fax.tif", compression="group4", tiffinfo={262: 1})
data = bytearray((out / "rgb_raw.tif").read_bytes())  # Pillow writes no planes: only the tag says so
(entries,) = struct.unpack_from("<I", data, 4)
at = data.index(struct.pack("<HH", 284, 3), entries)
data[at + 8:at + 10] = struct.pack("<H", 2)
(unread / "planes.tif").write_bytes(data)
