"""Reads what pmx embed wrote under one name in three kinds of files, with numpy, and finds
neighbours and duplicates again: check_embedding.py STEM K THRESHOLD"""
import csv, json, struct, sys
import numpy as np

stem, k, threshold = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])


def table(path):
    with open(path, newline="", encoding="utf-8") as f:
        header, *rows = csv.reader(f)
    return header, rows


features = np.load(stem + ".npy")
assert features.dtype == np.float32 and features.flags.c_contiguous, features.dtype
header, rows = table(stem + ".names.csv")
assert header == ["name", "class"]
names = [r[0] for r in rows]
n = len(names)
assert features.shape[0] == n, (features.shape, n)

header, whole = table(stem + ".csv")
assert header == ["name", "class"] + [f"f{i}" for i in range(features.shape[1])]
assert [r[:2] for r in whole] == rows
assert np.array_equal(np.array([r[2:] for r in whole], np.float32), features)

data = open(stem + ".safetensors", "rb").read()
size = struct.unpack("<Q", data[:8])[0]
info = json.loads(data[8 : 8 + size])


def tensor(name, kind):
    a, b = info[name]["data_offsets"]
    return np.frombuffer(data[8 + size + a : 8 + size + b], kind).reshape(info[name]["shape"])


assert np.array_equal(tensor("features", "<f4"), features)
classes = json.loads(info["__metadata__"]["pmx.classes"])
assert [classes[i] for i in tensor("labels", "<i8")] == [r[1] for r in rows]

unit = features.astype(np.float64)
unit /= np.linalg.norm(unit, axis=1, keepdims=True)
cosine = unit @ unit.T
at = {name: i for i, name in enumerate(names)}
header, rows = table(stem + ".neighbours.csv")
assert header == ["name", "rank", "neighbour", "cosine"] and len(rows) == n * k, (header, len(rows))
for i in range(n):
    mine = rows[i * k : (i + 1) * k]
    others = np.sort(np.delete(cosine[i], i))[::-1][:k]
    assert [r[0] for r in mine] == [names[i]] * k and [int(r[1]) for r in mine] == list(range(1, k + 1))
    found = [at[r[2]] for r in mine]
    assert i not in found and len(set(found)) == k, mine
    assert np.abs(cosine[i, found] - others).max() < 1e-6, (mine, others)
    assert np.abs(cosine[i, found] - [float(r[3]) for r in mine]).max() < 2e-6, mine
header, rows = table(stem + ".duplicates.csv")
assert header == ["name", "duplicate_of", "cosine"]
pairs = {(at[a], at[b]) for a, b, _ in rows}
want = {(i, j) for i in range(n) for j in range(i) if cosine[i, j] >= threshold}
assert pairs == want and len(rows) == len(want), (pairs ^ want)
assert 0 < len(want) < n * (n - 1) // 2, len(want)
print(n, "images,", len(want), "pairs")
