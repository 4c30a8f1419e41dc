"""Records what pycocotools 2.0.11 makes of odd files and shapes: scores.json, shapes.json. The files *.gt.json
and *.dt.json beside it are as annotation tools and training code write them.
usage: python make.py (with pycocotools)"""
import contextlib, copy, glob, hashlib, io, json, random
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def score(truth, results, kind):
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            gt = COCO()
            gt.dataset = copy.deepcopy(truth)
            gt.createIndex()
            e = COCOeval(gt, gt.loadRes(copy.deepcopy(results)), kind)
            e.evaluate(), e.accumulate(), e.summarize()
        return list(e.stats)
    except Exception:  # it has no number
        return None


def base():
    rnd = random.Random(3)
    images = [{"id": i, "height": 60, "width": 80, "file_name": f"{i}.jpg"} for i in range(1, 5)]
    anns, dets = [], []
    for n in range(12):
        x, y, w, h = rnd.randint(0, 50), rnd.randint(0, 30), rnd.randint(6, 28), rnd.randint(6, 28)
        image, cat = 1 + n % 4, 1 + n % 2
        box = lambda x: [[x, y, x + w, y, x + w, y + h, x, y + h]]
        anns.append({"id": n + 1, "image_id": image, "category_id": cat, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0, "segmentation": box(x)})
        x += rnd.randint(0, 3)
        dets.append({"image_id": image, "category_id": cat, "score": round(rnd.random(), 2), "bbox": [x, y, w, h], "segmentation": box(x)})
    return {"images": images, "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], "annotations": anns}, dets


def variants():
    gt, dt = base()
    yield "plain", gt, dt
    def change(name, f):
        g, d = copy.deepcopy(gt), copy.deepcopy(dt)
        f(g, d)
        return name, g, d
    def strings(g, d):
        names = {1: "z", 2: "é", 3: "B", 4: "10"}
        for e in g["images"]: e["id"] = names[e["id"]]
        for e in g["annotations"] + d: e["image_id"] = names[e["image_id"]]
    def large(g, d):
        for e in g["images"]: e["id"] += 10**25
        for e in g["annotations"] + d: e["image_id"] += 10**25
    def category_strings(g, d):
        for e in g["categories"]: e["id"] = "c%d" % e["id"]
        for e in g["annotations"] + d: e["category_id"] = "c%d" % e["category_id"]
    def annotation_strings(g, d):
        for e in g["annotations"]: e["id"] = "17%02d" % e["id"]
    def duplicates(g, d): g["annotations"][5]["id"] = g["annotations"][11]["id"] = 2
    def duplicates_in_image(g, d): g["annotations"][4]["id"] = 1
    def duplicate_of_none(g, d): g["annotations"].append(dict(g["annotations"][0], category_id=9))
    def duplicate_images(g, d): g["images"].append(dict(g["images"][1], file_name="again.jpg"))
    def duplicate_categories(g, d): g["categories"].append({"id": 1, "name": "c"})
    def from_zero(g, d):
        for e in g["annotations"]: e["id"] -= 1
    def none_category(g, d): g["annotations"][3]["category_id"] = None
    def other_category(g, d): g["annotations"][3]["category_id"] = 7
    def other_image(g, d): g["annotations"][3]["image_id"] = 7
    def names(g, d):
        g["categories"][0].update(name=5, supercategory=None)
        g["categories"][1].update(name=None, supercategory=["x", "y"])
    def unread(g, d):
        g["info"] = {"x": [float("nan"), float("inf"), -float("inf")]}
        g["images"][0]["score"] = float("nan")
        d[0]["embedding"] = [float("nan")]
    yield from (change(f.__name__, f) for f in (strings, large, category_strings, annotation_strings, duplicates, duplicates_in_image,
        duplicate_of_none, duplicate_images, duplicate_categories, from_zero, none_category, other_category, other_image, names, unread))
    square = [10, 10, 30, 10, 30, 30, 10, 30]
    for name, shape in shapes(square).items():
        yield change("gt " + name, lambda g, d: g["annotations"][2].update(segmentation=shape))
        yield change("dt " + name, lambda g, d: d[2].update(segmentation=shape))


def shapes(square):
    pairs = [[10, 10], [30, 10], [30, 30], [10, 30], [5, 20]]
    return {
        "odd": [square + [4]], "seven": [[10, 10, 30, 10, 30, 30, 2]], "point behind": [square, [5, 5]], "point first": [[5, 5], square],
        "box": [[10, 10, 20, 20]], "box behind": [square, [40, 12, 60, 50]], "line": [[10, 10, 30, 10, 7]], "number behind": [square, [5]],
        "nothing behind": [square, []], "nothing first": [[], square], "empty": [], "empty outline": [[]], "null": None, "flat": square,
        "flat box": square[:4], "pairs": pairs, "nested pairs": [pairs], "four nested pairs": [pairs[:4]],
        "rles": [{"size": [60, 80], "counts": [620, 30, 4150]}, {"size": [60, 80], "counts": [1240, 25, 3535]}],
        "rle": {"size": [60, 80], "counts": [620, 30, 4150]}, "no counts": {"size": [60, 80]}, "word": "x", "words": ["x"],
    }


def drawn():
    rnd, out = random.Random(5), []
    for _ in range(60):
        def outline(): return [round(rnd.uniform(-5, 45), rnd.randint(0, 2)) for _ in range(rnd.randint(0, 17))]
        polygons = [outline() for _ in range(rnd.randint(1, 4))]
        if len(polygons[0]) < 5: continue
        r = mask.merge(mask.frPyObjects(polygons, 40, 50))
        out.append({"polygons": polygons, "counts": r["counts"].decode()})
    return out


def crossed():
    """An outline that passes every column 300,000 times."""
    p = [v for i in range(300_000) for v in (20 * (i % 2), i * 7919 % 1000)]
    r = mask.frPyObjects([p], 1000, 20)[0]
    return hashlib.sha256(r["counts"]).hexdigest()


if __name__ == "__main__":
    print(crossed(), "is in odd_test.go")
    scores = []
    for path in sorted(glob.glob("*.gt.json")):
        gt, dt = json.load(open(path)), json.load(open(path.replace(".gt.", ".dt.")))
        scores.append({"name": path, "bbox": score(gt, dt, "bbox"), "segm": score(gt, dt, "segm")})
    for name, gt, dt in variants():
        scores.append({"name": name, "gt": json.dumps(gt, separators=(",", ":")), "dt": json.dumps(dt, separators=(",", ":")), "bbox": score(gt, dt, "bbox"), "segm": score(gt, dt, "segm")})
    json.dump(scores, open("scores.json", "w"), indent=0)
    json.dump(drawn(), open("shapes.json", "w"), separators=(",", ":"))
