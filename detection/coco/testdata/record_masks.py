#!/usr/bin/env python3
"""Records what pycocotools makes of random masks, polygons and boxes.

    pip install pycocotools==2.0.11
    python3 record_masks.py > masks.json
    python3 record_masks.py --cases 20000 --seed 7 > /tmp/more.json   # PMX_MASK_VECTORS=/tmp/more.json go test ./detection

Each mask case has a few objects of one image size; everything pycocotools.mask
computes of them is beside them. Read by masks_golden_test.go.
"""
import argparse
import json
import math
import random
import sys

import numpy as np
from pycocotools import mask as api

parser = argparse.ArgumentParser()
parser.add_argument("--cases", type=int, default=120)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
rng = random.Random(args.seed)


def polygon(h, w):
    """One outline; the kinds aim at the rasteriser's corner cases."""
    kind = rng.randrange(8)
    n = rng.randint(3, 12)
    if kind == 0:  # anywhere, also outside the image
        pts = [(rng.uniform(-w, 2 * w), rng.uniform(-h, 2 * h)) for _ in range(n)]
    elif kind == 1:  # whole pixels
        pts = [(rng.randint(-2, w + 2), rng.randint(-2, h + 2)) for _ in range(n)]
    elif kind == 2:  # pixel centres and fine-grid points
        pts = [(rng.randint(0, 10 * w) / 10, rng.randint(0, 10 * h) / 10) for _ in range(n)]
    elif kind == 3:  # tiny
        x, y = rng.uniform(0, w), rng.uniform(0, h)
        pts = [(x + rng.uniform(-1, 1), y + rng.uniform(-1, 1)) for _ in range(n)]
    elif kind == 4:  # a box
        x0, y0 = rng.uniform(-1, w), rng.uniform(-1, h)
        x1, y1 = x0 + rng.uniform(0, w), y0 + rng.uniform(0, h)
        pts = [(x0, y0), (x0, y1), (x1, y1), (x1, y0)]
    elif kind == 5:  # repeated points
        some = [(rng.uniform(0, w), rng.uniform(0, h)) for _ in range(3)]
        pts = [rng.choice(some) for _ in range(n)]
    else:  # a star-shaped object, as in COCO, with two decimals
        cx, cy = rng.uniform(0, w), rng.uniform(0, h)
        r = rng.uniform(1, max(h, w) / 2)
        pts = []
        for i in range(n):
            a = 2 * math.pi * i / n
            q = r * rng.uniform(0.4, 1)
            pts.append((round(cx + q * math.cos(a), 2), round(cy + q * math.sin(a), 2)))
    return [float(v) for p in pts for v in p]


def mask_counts(h, w):
    """Run lengths, uncompressed, of a random binary mask."""
    kind = rng.randrange(4)
    if kind == 0:
        m = np.zeros((h, w), np.uint8)
    elif kind == 1:
        m = np.ones((h, w), np.uint8)
    elif kind == 2:
        m = (np.array([rng.random() for _ in range(h * w)]).reshape(h, w) < rng.random()).astype(np.uint8)
    else:
        m = np.zeros((h, w), np.uint8)
        y, x = rng.randrange(h), rng.randrange(w)
        m[y : y + rng.randint(1, h), x : x + rng.randint(1, w)] = 1
    flat = m.flatten(order="F")
    counts, value, run = [], 0, 0
    for v in flat:
        if v != value:
            counts.append(run)
            value, run = v, 0
        run += 1
    counts.append(run)
    rle = api.encode(np.asfortranarray(m))
    assert api.frPyObjects({"size": [h, w], "counts": counts}, h, w)["counts"] == rle["counts"]
    return counts, rle


def case(i):
    if i % 10 == 9:
        h, w = rng.randint(100, 640), rng.randint(100, 640)
    else:
        h, w = rng.randint(1, 40), rng.randint(1, 40)
    objects, rles = [], []
    for _ in range(rng.randint(2, 4)):
        if rng.random() < 0.7 or h * w > 2000:
            polys = [polygon(h, w) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
            rle = api.merge(api.frPyObjects(polys, h, w))
            objects.append({"polygons": polys})
        else:
            counts, rle = mask_counts(h, w)
            objects.append({"runs": counts})
        objects[-1]["counts"] = rle["counts"].decode()
        objects[-1]["area"] = int(api.area(rle))
        objects[-1]["box"] = api.toBbox(rle).tolist()
        rles.append(rle)
    crowd = [rng.randrange(2) for _ in rles]
    return {
        "size": [h, w],
        "objects": objects,
        "union": api.merge(rles)["counts"].decode(),
        "intersection": api.merge(rles, intersect=1)["counts"].decode(),
        "crowd": crowd,
        "iou": api.iou(rles, rles, [0] * len(rles)).tolist(),
        "iou_crowd": api.iou(rles, rles, crowd).tolist(),
    }


def boxes_case():
    def box():
        if rng.random() < 0.3:  # on a coarse grid: boxes that touch, coincide, have no area
            return [float(rng.randint(0, 4)) for _ in range(4)]
        return [rng.uniform(-5, 20) for _ in range(2)] + [rng.uniform(0, 20) for _ in range(2)]

    dt, gt = [box() for _ in range(rng.randint(1, 6))], [box() for _ in range(rng.randint(1, 6))]
    crowd = [rng.randrange(2) for _ in gt]
    return {"dt": dt, "gt": gt, "crowd": crowd, "iou": api.iou(dt, gt, crowd).tolist()}


json.dump(
    {"masks": [case(i) for i in range(args.cases)], "boxes": [boxes_case() for _ in range(args.cases)]},
    sys.stdout,
    separators=(",", ":"),
)
print()
