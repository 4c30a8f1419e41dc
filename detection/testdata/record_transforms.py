#!/usr/bin/env python3
"""Records what detectron2 makes of a picture and its annotations, for transform_test.go.

  python record_transforms.py        (detectron2, pycocotools, shapely, pillow, numpy; writes transforms.json beside this file)

The picture and the objects are synthetic.
"""
import base64, copy, json, pathlib
from unittest import mock
import numpy as np
from detectron2.data import detection_utils as utils, transforms as T
from detectron2.structures import BoxMode
from fvcore.transforms.transform import CropTransform, HFlipTransform, TransformList
from pycocotools import mask as coco_mask

H, W = 37, 53
rng = np.random.default_rng(11)
picture = rng.integers(0, 256, (H, W, 3)).astype(np.uint8)
blob = np.zeros((H, W), np.uint8)
yy, xx = np.mgrid[0:H, 0:W]
blob[(yy - 20) ** 2 + (xx - 30) ** 2 < 90] = 1
blob &= rng.random((H, W)) < .9
runs = coco_mask.encode(np.asfortranarray(blob))
annotations = [
    {"id": 1, "bbox": [3.25, 4.5, 20.75, 15.5], "segmentation": [[3.25, 4.5, 24, 6.5, 20.5, 20, 8, 17.75]]},
    {"id": 2, "bbox": [20, 10, 20, 20], "segmentation": runs},
    {"id": 3, "bbox": [40, 25, 20, 20], "segmentation": [[40, 25, 60, 25, 60, 45, 40, 45]]},
    {"id": 4, "bbox": [0, 0, 10, 9], "segmentation": [[0, 0, 4, 0, 4, 4, 0, 4], [6, 5, 10, 5, 10, 9, 6, 9]]},
    {"id": 5, "bbox": [30, 3, .4, .3], "segmentation": [[30, 3, 30.4, 3, 30.4, 3.3, 30, 3.3]]},
    {"id": 6, "bbox": [10, 20, 20, 12], "segmentation": runs, "iscrowd": 1},
]

for a in annotations:  # of integers detectron2 makes integers again, cut off
    a["bbox"] = [float(v) for v in a["bbox"]]
    if isinstance(a["segmentation"], list):
        a["segmentation"] = [[float(v) for v in p] for p in a["segmentation"]]

def record(steps):
    """Steps are [name, numbers]; sizes follow from the step before."""
    h, w, made = H, W, []
    for name, *v in steps:
        if name == "flip":
            made.append(HFlipTransform(w))
        elif name == "resize":
            made.append(T.ResizeTransform(h, w, *v)); h, w = v
        else:
            y, x, ch, cw = v
            made.append(CropTransform(x, y, cw, ch, w, h)); h, w = ch, cw
    transforms = TransformList(made)
    annos = []
    for a in copy.deepcopy(annotations):
        if a.get("iscrowd"):
            continue
        a.update(bbox_mode=BoxMode.XYWH_ABS, category_id=a["id"])
        annos.append(utils.transform_instance_annotations(a, transforms, (h, w)))
    instances = utils.annotations_to_instances(annos, (h, w), mask_format="bitmask")
    if any(s[0] == "crop" for s in steps):
        instances.gt_boxes = instances.gt_masks.get_bounding_boxes()
    instances = utils.filter_empty_instances(instances)
    encode = lambda m: coco_mask.encode(np.asfortranarray(m.numpy().astype(np.uint8)))["counts"].decode()
    return {
        "steps": steps, "size": [h, w],
        "picture": base64.b64encode(np.ascontiguousarray(transforms.apply_image(picture)).tobytes()).decode(),
        "ids": instances.gt_classes.tolist(), "boxes": instances.gt_boxes.tensor.tolist(),
        "masks": [encode(m) for m in instances.gt_masks.tensor],
    }

def offset(h, w, size, place):
    with mock.patch.object(np.random, "uniform", return_value=place):
        c = T.FixedSizeCrop((size, size), pad=False).get_transform(np.empty((h, w, 3), np.uint8)).transforms[0]
    return [int(c.y0), int(c.x0)]

sizes = [(480, 640), (427, 640), (640, 427), (333, 500), (37, 53), (1, 900), (97, 97), (2448, 3264)]
def scaled(h, w, size, scale):
    r = T.ResizeScale(1, 1, size, size)._get_resize(np.empty((h, w, 3), np.uint8), scale)
    return [r.new_h, r.new_w]

out = {
    "height": H, "width": W, "pixels": base64.b64encode(picture.tobytes()).decode(),
    "annotations": [dict(a, segmentation=a["segmentation"] if isinstance(a["segmentation"], list) else
                         {"size": [H, W], "counts": runs["counts"].decode()}) for a in annotations],
    "cases": [record(s) for s in (
        [["resize", 20, 29]], [["resize", 61, 88]], [["resize", 37, 88]], [["flip"], ["resize", 50, 71]], [["resize", 23, 33], ["flip"]],
        [["flip"], ["resize", 60, 86], ["crop", 11, 22, 40, 40]], [["crop", 5, 8, 30, 31], ["resize", 44, 45], ["flip"]],
    )],
    "shortest_edge": [[h, w, s, m, *T.ResizeShortestEdge.get_output_shape(h, w, s, m)]
                      for h, w in sizes for s, m in ((128, 128), (320, 512), (800, 1333))],
    "scale": [[h, w, size, scale, *scaled(h, w, size, scale)] for h, w in sizes[:5] + sizes[6:] for size in (128, 1024) for scale in (.1, .7351, 1, 2)],
    "offset": [[h, w, size, p, *offset(h, w, size, p)] for h, w, size in ((600, 801, 512), (513, 400, 512), (2048, 1537, 1024)) for p in (0, .25, .5, .9999)],
}
pathlib.Path(__file__).with_name("transforms.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
