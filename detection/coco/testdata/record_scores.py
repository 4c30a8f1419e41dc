#!/usr/bin/env python3
"""Records what pycocotools' cocoeval makes of small random datasets.

    pip install pycocotools==2.0.11
    python3 record_scores.py > scores.json
    python3 record_scores.py --cases 2000 --seed 7 > /tmp/more.json   # PMX_SCORE_VECTORS=/tmp/more.json go test ./detection

The datasets aim at cocoeval's corners: few distinct scores and boxes, so that
much is equal; crowds, areas on the ends of ranges, annotation id 0, images
and categories with nothing in them. Arrays are recorded whole where they are
small, and as the SHA-256 of their float64 bytes always. Read by
scores_golden_test.go.
"""
import argparse
import contextlib
import copy
import hashlib
import io
import json
import random
import sys

import numpy as np
from pycocotools import mask as api
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

parser = argparse.ArgumentParser()
parser.add_argument("--cases", type=int, default=60)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
rng = random.Random(args.seed)


def box(h, w):
    if rng.random() < 0.5:  # on a coarse grid
        x, y = rng.randrange(0, w, 8), rng.randrange(0, h, 8)
        return [x, y, rng.choice([8, 16, 32]), rng.choice([8, 16, 32])]
    x, y = rng.uniform(0, w - 2), rng.uniform(0, h - 2)
    return [round(x, 2), round(y, 2), round(rng.uniform(1, w - x), 2), round(rng.uniform(1, h - y), 2)]


def near(b):
    if rng.random() < 0.3:
        return list(b)
    return [round(v * rng.uniform(0.85, 1.15), 2) for v in b]


def rle(b, h, w):
    x0, y0 = b[0], b[1]
    x1, y1 = x0 + b[2], y0 + b[3]
    poly = [x0, y0, x1, y0, x1, (y0 + y1) / 2, (x0 + x1) / 2, y1, x0, y1]
    r = api.frPyObjects([poly], h, w)[0]
    r["counts"] = r["counts"].decode()
    return r, poly


def dataset(masks):
    """gt and results, as their files would have them."""
    images = [
        {"id": i * 7 + 3, "height": rng.choice([60, 100]), "width": rng.choice([80, 120])} for i in range(rng.randint(1, 8))
    ]
    rng.shuffle(images)
    categories = [{"id": c, "name": f"c{c}"} for c in rng.sample(range(1, 9), rng.randint(1, 4))]
    annotations, results = [], []
    scores = [round(rng.random(), 3) for _ in range(rng.choice([2, 5, 50]))]
    next_id = rng.choice([0, 1, 100])
    for img in images:
        h, w = img["height"], img["width"]
        boxes = []
        for _ in range(rng.choice([0, 1, 3, 8])):
            b = near(rng.choice(boxes)) if boxes and rng.random() < 0.3 else box(h, w)
            boxes.append(b)
            r, poly = rle(b, h, w)
            a = {
                "id": next_id,
                "image_id": img["id"],
                "category_id": rng.choice(categories)["id"],
                "bbox": b,
                "area": rng.choice([b[2] * b[3], 32**2, 96**2, 500.5]),
                "iscrowd": int(rng.random() < 0.15),
            }
            if rng.random() < 0.5:
                a["ignore"] = 1  # overwritten by iscrowd
            if masks:
                a["segmentation"] = [poly] if rng.random() < 0.7 else r
            annotations.append(a)
            next_id += 1
        for _ in range(rng.choice([0, 2, 12, 30])):
            b = near(rng.choice(boxes)) if boxes and rng.random() < 0.8 else box(h, w)
            d = {"image_id": img["id"], "category_id": rng.choice(categories)["id"], "score": rng.choice(scores)}
            if masks:
                d["segmentation"] = rle(b, h, w)[0]
            else:
                d["bbox"] = b
            results.append(d)
    if masks and rng.random() < 0.3:  # a bbox beside the mask: areas are then the boxes'
        for d in results:
            d["bbox"] = box(60, 80)
    return {"images": images, "annotations": annotations, "categories": categories}, results


def params(p, custom):
    """Small arrays, or the defaults."""
    out = {}
    if custom:
        p.iouThrs = np.array(sorted(rng.sample([0.1, 0.3, 0.5, 0.6, 0.75, 0.9, 1.0], rng.randint(1, 3))))
        p.recThrs = np.array([0.0, 0.25, 1 / 3, 0.5, 1.0])
        p.maxDets = rng.choice([[1, 3, 100], [2, 5, 10], [100, 1, 10]])
        p.areaRng = [[0, 1e10], [0, 32**2], [32**2, 96**2], [600, 900]]
        p.areaRngLbl = ["all", "small", "medium", "mine"]
        out = {
            "iou": p.iouThrs.tolist(),
            "recall": p.recThrs.tolist(),
            "max_dets": list(p.maxDets),
            "areas": [[l, *r] for l, r in zip(p.areaRngLbl, p.areaRng)],
        }
    if rng.random() < 0.3:
        p.useCats = 0
        out["agnostic"] = True
    if rng.random() < 0.2:
        p.imgIds = rng.sample(p.imgIds, max(1, len(p.imgIds) // 2))
        out["image_ids"] = list(p.imgIds)
    if rng.random() < 0.2:
        p.catIds = rng.sample(p.catIds, max(1, len(p.catIds) // 2))
        out["category_ids"] = list(p.catIds)
    return out


def sha(a):
    return hashlib.sha256(np.ascontiguousarray(a, np.float64).tobytes()).hexdigest()


def case(i):
    masks = i % 2 == 1
    while True:
        gt, results = dataset(masks)
        if gt["annotations"] and results:
            break
    out = {"gt": copy.deepcopy(gt), "results": copy.deepcopy(results), "type": rng.choice(["bbox", "segm"]) if masks else "bbox"}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        coco = COCO()
        coco.dataset = gt
        coco.createIndex()
        e = COCOeval(coco, coco.loadRes(results), out["type"])
        custom = i % 3 != 0
        out["params"] = params(e.params, custom)
        e.evaluate()
        e.accumulate()
        printed.truncate(0)
        printed.seek(0)
        e.summarize()
    out["printed"] = printed.getvalue()
    out["stats"] = e.stats.tolist()
    for name in ("precision", "scores", "recall"):
        out[name + "_sha256"] = sha(e.eval[name])
        if custom and i < 30:
            out[name] = e.eval[name].flatten().tolist()
    return out


json.dump([case(i) for i in range(args.cases)], sys.stdout, separators=(",", ":"))
print()
