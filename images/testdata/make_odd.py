#!/usr/bin/env python3
"""Records odd and damaged image files and what Pillow decodes them to, for decode_odd_test.go.

  python make_odd.py        (pip install pillow numpy; writes odd/ beside this file, from transforms/source.png)

odd/found_* are files as people's tools made them, and stay. NAME.png beside NAME is what Image.open(NAME).convert("RGB") gives. Pillow refuses files that lack nothing but what follows
their pixels: there NAME.png is what the whole file gives. Of greys of 16 bits it is the 8 bits that DecodeImage documents.
"""
import io
import pathlib
import struct
import zlib
import numpy as np
from PIL import Image

here = pathlib.Path(__file__).parent
out = here / "odd"
out.mkdir(exist_ok=True)
found = [file for file in out.glob("found_*") if not (out / file.stem).exists()]
for old in out.glob("*"):
    if old not in found:
        old.unlink()
src = Image.open(here / "transforms" / "source.png").convert("RGB").crop((0, 0, 45, 31))
random = np.random.RandomState(1)

def rgb(data):
    image = Image.open(io.BytesIO(bytes(data))).convert("RGB")
    image.info.clear()
    return image

def case(name, data, like=None):
    (out / name).write_bytes(data)
    rgb(data if like is None else like).save(out / (name + ".png"))

def save(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return bytearray(buffer.getvalue())

# JPEG. Segments are found by walking them; restart markers by looking for them in the scan.
def segment(data, *markers):
    at = 2
    while data[at + 1] not in markers:
        at += 2 + data[at + 2] * 256 + data[at + 3]
    return at

def scan(data):
    at = segment(data, 0xDA)
    return at + 2 + data[at + 2] * 256 + data[at + 3]

def restarts(data):
    return [i for i in range(scan(data), len(data) - 1) if data[i] == 255 and 0xD0 <= data[i + 1] <= 0xD7]

for progressive in (False, True):
    tag = "progressive" if progressive else "sequential"
    whole = save(src, "JPEG", quality=85, restart_marker_blocks=1, progressive=progressive)
    marks = restarts(whole)
    lost, wrong, far = bytearray(whole), bytearray(whole), bytearray(whole)
    del lost[marks[2]:marks[2] + 2]
    wrong[marks[3] + 1] = 0xD0 + (whole[marks[3] + 1] + 1) % 8
    far[marks[1] + 1] = 0xD0 + (whole[marks[1] + 1] + 4) % 8
    case(f"rst_lost_{tag}.jpg", lost)
    case(f"rst_wrong_{tag}.jpg", wrong)
    case(f"rst_far_{tag}.jpg", far)
    case(f"no_end_{tag}.jpg", whole[:-2], whole)
    case(f"garbage_before_end_{tag}.jpg", whole[:-2] + b"\x12\x34\x56" + whole[-2:])
early = save(src, "JPEG", quality=85, restart_marker_blocks=1)
case("early_end.jpg", early[:restarts(early)[3]] + b"\xff\xd9")
plain = save(src, "JPEG", quality=85)
tables = bytearray(plain)
while True:  # Motion JPEG leaves out the standard tables
    try:
        at = segment(tables, 0xC4)
    except IndexError:
        break
    if at > segment(tables, 0xDA):
        break
    del tables[at:at + 2 + tables[at + 2] * 256 + tables[at + 3]]
case("no_tables.jpg", tables)
case("rgb.jpg", save(src, "JPEG", quality=85, subsampling=0, keep_rgb=True))
for progressive in (False, True):
    cmyk = save(src.convert("CMYK"), "JPEG", quality=85, progressive=progressive)
    adobe = segment(cmyk, 0xEE)
    case(f"ycck_{progressive}.jpg", cmyk[:adobe + 15] + b"\2" + cmyk[adobe + 16:])
    del cmyk[adobe:adobe + 16]
    case(f"cmyk_{progressive}.jpg", cmyk)
damage = bytearray(plain)
damage[scan(plain) + 150] ^= 0x10
case("damaged_data.jpg", damage)

# PNG.
def chunk(tag, data, crc=None):
    return struct.pack(">I", len(data)) + tag + data + struct.pack(">I", zlib.crc32(tag + data) if crc is None else crc)

for mode in ("RGB", "L", "P", "1", "LA", "RGBA"):
    whole = save(src.convert(mode), "PNG")
    pixels = whole.index(b"IDAT")
    (n,) = struct.unpack_from(">I", whole, pixels - 4)
    case(f"no_end_{mode}.png", whole[:-12], whole)
    case(f"in_checksum_{mode}.png", whole[:pixels + 4 + n + 2], whole)
wrong = bytearray(whole)
wrong[pixels + 4 + n] ^= 1
case("pixels_checksum.png", wrong)
case("zlib_checksum.png", whole[:pixels + 4 + n - 1], whole)
case("comment_checksum.png", whole[:pixels + 8 + n] + chunk(b"tEXt", b"a\0b", 1) + whole[pixels + 8 + n:])
case("after_end.png", whole + b"hello")
header = struct.pack(">IIBBBBB", 45, 31, 8, 2, 0, 0, 1)  # interlaced, and cut off after the pixels
passes = b""
for x, y, dx, dy in ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)):
    passes += b"".join(b"\0" + row.tobytes() for row in np.asarray(src)[y::dy, x::dx])
whole = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(passes)) + chunk(b"IEND", b"")
case("interlaced_no_end.png", whole[:-20], whole)
for bits in (8, 12, 16):  # in greys of 16
    grey = (random.randint(0, 1 << bits, (31, 45))).astype("u2")
    grey[3, 4] = (1 << bits) - 1
    name = f"grey_{bits}_of_16"
    Image.fromarray(grey).save(out / f"{name}.png")
    Image.fromarray(grey).save(out / f"{name}.tif")
    for kind in ("png", "tif"):
        Image.fromarray((grey >> (bits - 8)).astype("u1")).save(out / f"{name}.{kind}.png")

# BMP.
def bmp(w, h, bits, compression, pixels, size=40, palette=b"", masks=b"", colours=0, top=False):
    info = struct.pack("<IiiHHIIiiII", size, w, -h if top else h, 1, bits, compression, len(pixels), 0, 0, colours, 0)
    if size == 12:
        info = struct.pack("<IHHHH", size, w, h, 1, bits)
    if size > 40:
        info, masks = info + masks.ljust(size - 40, b"\0"), b""
    offset = 14 + len(info) + len(masks) + len(palette)
    return b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset) + info + masks + palette + pixels

W, H = 21, 9
def raw(bits):
    return random.randint(0, 256, (W * bits + 31) // 32 * 4 * H).astype("u1").tobytes()

colours = random.randint(0, 256, (256, 4)).astype("u1").tobytes()
fields = {"565": (0xF800, 0x7E0, 0x1F), "555": (0x7C00, 0x3E0, 0x1F), "bgrx": (0xFF0000, 0xFF00, 0xFF), "xbgr": (0xFF000000, 0xFF0000, 0xFF00), "rgbx": (0xFF, 0xFF00, 0xFF0000)}
for top in (False, True):
    case(f"16_{top}.bmp", bmp(W, H, 16, 0, raw(16), top=top))
    case(f"565_{top}.bmp", bmp(W, H, 16, 3, raw(16), masks=struct.pack("<III", *fields["565"]), top=top))
for name, masks in fields.items():
    bits = 16 if name in ("565", "555") else 32
    if name != "rgbx":
        case(f"fields_{name}.bmp", bmp(W, H, bits, 3, raw(bits), masks=struct.pack("<III", *masks)))
for size in (52, 56, 108, 124):
    case(f"header_{size}.bmp", bmp(W, H, 32, 3, raw(32), size=size, masks=struct.pack("<IIII", *fields["bgrx"], 0)))
for bits in (1, 4, 8):
    case(f"palette_{bits}.bmp", bmp(W, H, bits, 0, raw(bits), palette=colours[:4 << bits]))
    case(f"os2_{bits}.bmp", bmp(W, H, bits, 0, raw(bits), size=12, palette=colours[:3 << bits]))
case("os2_24.bmp", bmp(W, H, 24, 0, raw(24), size=12))
case("few_colours.bmp", bmp(W, H, 8, 0, raw(8), palette=colours[:4 * 99], colours=99))
case("32.bmp", bmp(W, H, 32, 0, raw(32)))
for bits, compression in ((8, 1), (4, 2)):
    runs = b""
    for y in range(H):
        literal = bytes(random.randint(0, 256, 5 * bits // 8 + (bits == 4)).astype("u1"))
        runs += bytes([4, 0x3B]) + bytes([0, 5]) + literal + b"\0" * (len(literal) % 2)
        runs += bytes([0, 2, 3, 0]) if y % 3 == 0 else b"" if y % 3 == 1 else bytes([40, 0x7C])  # a step, a short row, too long a run
        runs += b"\0\0"
    case(f"rle{bits}.bmp", bmp(W, H, bits, compression, runs + b"\0\1", palette=colours[:4 << bits]))

# PNM.
for kind in "123456":
    channels = 3 if kind in "36" else 1
    for most in (1,) if kind in "14" else (255, 100):
        head = f"P{kind}\n# a comment\n{W} {H}\n" + ("" if kind in "14" else f"{most}\n")
        values = random.randint(0, most + 1, W * H * channels)
        if kind in "123":
            body = (b"" if kind == "1" else b" ").join(b"%d" % v for v in values)
        else:
            body = (random.randint(0, 256, (W + 7) // 8 * H) if kind == "4" else values).astype("u1").tobytes()
        case(f"p{kind}_{most}.{'pbm' if kind in '14' else 'ppm' if channels == 3 else 'pgm'}", head.encode() + body)
case("p6_4095.ppm", b"P6 %d %d 4095\n" % (W, H) + random.randint(0, 4096, W * H * 3).astype(">u2").tobytes())
grey = random.randint(0, 4096, (H, W))
(out / "p5_4095.pgm").write_bytes(b"P5 %d %d 4095\n" % (W, H) + grey.astype(">u2").tobytes())
Image.fromarray(np.round(grey / 4095 * 255).astype("u1")).save(out / "p5_4095.pgm.png")

# GIF.
whole = save(src.quantize(64), "GIF")
case("no_end.gif", whole[:-1])
case("in_block.gif", whole[:-3], whole)
small = bytearray(whole)
small[6:10] = struct.pack("<HH", 3, 90)
case("larger_than_screen.gif", small)

for file in found:
    case(file.name, file.read_bytes())
