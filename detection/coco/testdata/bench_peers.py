#!/usr/bin/env python3
"""Times pmx, pycocotools and faster-coco-eval on the same made-up files.

    go build -o pmx ./cmd/pmx
    pip install pycocotools==2.0.11 faster-coco-eval==1.8.0
    python3 detection/coco/testdata/bench_peers.py --pmx ./pmx [--rounds 3] [--types bbox,segm] [--images 5000]

Each round runs all three one after the other, each in a process of its own that
reads both files, scores and prints. All twelve numbers must be equal; then the
wall and processor times (medians) and peak memory are printed, and their ratios
to pmx's.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

PEER = """
import contextlib, io, json, sys
name, gt_file, dt_file, kind = sys.argv[1:]
if name == "pycocotools":
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
else:
    from faster_coco_eval import COCO
    from faster_coco_eval import COCOeval_faster as COCOeval
with contextlib.redirect_stdout(io.StringIO()):
    gt = COCO(gt_file)
    e = COCOeval(gt, gt.loadRes(dt_file), kind)
    e.evaluate(); e.accumulate(); e.summarize()
print(json.dumps([float(v) for v in e.stats[:12]]))
"""

parser = argparse.ArgumentParser()
parser.add_argument("--pmx", required=True)
parser.add_argument("--rounds", type=int, default=3)
parser.add_argument("--types", default="bbox,segm")
parser.add_argument("--images", type=int, default=5000)
parser.add_argument("--peers", default="pycocotools,faster-coco-eval")
args = parser.parse_args()


def measure(argv):
    """Wall seconds, processor seconds, peak MiB and output of a process."""
    begin = time.perf_counter()
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as p:
        out = p.stdout.read()
        _, status, usage = os.wait4(p.pid, 0)
        p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode != 0:
        sys.exit(f"{argv} exited with {p.returncode}")
    return time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, out.decode()


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    for kind in args.types.split(","):
        gt, dt, scores = folder / "gt.json", folder / f"{kind}.json", folder / "scores.json"
        generate = [args.pmx, "detect", "generate", "--gt", gt, "--results", dt, "--images", str(args.images)]
        subprocess.run(generate + (["--masks"] if kind == "segm" else []), check=True, stdout=subprocess.DEVNULL)
        runs, stats = {}, {}
        for _ in range(args.rounds):
            for name in ["pmx", *args.peers.split(",")]:
                if name == "pmx":
                    argv = [args.pmx, "detect", "score", "--gt", gt, "--results", dt, "--type", kind, "--json-out", scores]
                else:
                    argv = [sys.executable, "-c", PEER, name, gt, dt, kind]
                *times, out = measure(argv)
                runs.setdefault(name, []).append(times)
                if name == "pmx":
                    report = json.loads(scores.read_text())
                    stats[name] = [s["value"] for s in report["scores"][0]["stats"]]
                else:
                    stats[name] = json.loads(out)
                if stats[name] != stats["pmx"]:
                    sys.exit(f"{kind}: {name} has {stats[name]}\npmx has {stats['pmx']}")
        print(f"{kind}: {args.images} images, all twelve numbers equal, AP {stats['pmx'][0]!r}")
        medians = {name: [statistics.median(column) for column in zip(*rows)] for name, rows in runs.items()}
        for name, (wall, cpu, memory) in medians.items():
            ratios = [a / b for a, b in zip(medians[name], medians["pmx"])]
            print(
                f"  {name:17} wall {wall:7.2f} s ({ratios[0]:5.1f}x)   processor {cpu:7.2f} s ({ratios[1]:5.1f}x)"
                f"   memory {memory:6.0f} MiB ({ratios[2]:.1f}x)"
            )
