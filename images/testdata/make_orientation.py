#!/usr/bin/env python3
"""Records how Pillow turns pictures that note an orientation, for orientation_test.go.

  python make_orientation.py        (pip install pillow numpy; writes orientation.json beside this file)
"""
import base64, io, json, pathlib
import numpy as np
from PIL import Image, ImageOps

src = Image.fromarray(np.random.default_rng(3).integers(0, 256, (4, 6, 3)).astype(np.uint8))
cases = []
def add(name, orientation, data):
    img = Image.open(io.BytesIO(data))
    turned = ImageOps.exif_transpose(img).convert("RGB")
    cases.append({"name": name, "file": base64.b64encode(data).decode(), "orientation": orientation, "width": turned.width, "height": turned.height,
                  "pixels": base64.b64encode(turned.tobytes()).decode()})

def exif(o):
    e = Image.Exif()
    e[274] = o
    return e.tobytes()

def save(kind, **more):
    out = io.BytesIO()
    src.save(out, kind, **more)
    return out.getvalue()

for o in range(1, 9):
    add(f"PNG {o}", o, save("PNG", exif=exif(o)))
add("WebP", 6, save("WEBP", lossless=True, exif=exif(6)))
add("JPEG", 8, save("JPEG", quality=95, subsampling=0, exif=exif(8)))
xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="5"/></x:xmpmeta>'
add("JPEG with XMP", 5, save("JPEG", quality=95, subsampling=0, xmp=xmp))
add("none", 1, save("PNG"))
add("out of range", 1, save("PNG", exif=exif(9)))
pathlib.Path(__file__).with_name("orientation.json").write_text(json.dumps(cases, indent=1) + "\n")
