"""What docs/encoder.md does in Python gives the features that pmx embed writes, and ONNX
Runtime's own tools take every export:
check_encoders.py DOCS STEM SIDE MODEL...

STEM.npy and STEM.names.csv are from pmx embed, STEM.resize.onnx and STEM.square.onnx from
pmx export with and without --resize."""
import csv, re, subprocess, sys, tempfile
import numpy as np, onnx, onnxruntime as ort
from onnxruntime.tools.symbolic_shape_infer import SymbolicShapeInference
from PIL import Image

docs, stem, side, *models = sys.argv[1:]
features = np.load(stem + ".npy")
with open(stem + ".names.csv", newline="") as f:
    names = [row["name"] for row in csv.DictReader(f)]
photos = [Image.open(name).convert("RGB") for name in names]
assert len({p.size for p in photos}) > 2


def compare(what, cls):
    worst = np.abs(cls - features).max() / np.abs(features).max()
    assert worst < 1e-5, (what, worst)


resize = ort.InferenceSession(stem + ".resize.onnx")
compare("whole images", np.concatenate([resize.run(["cls"], {"image": np.asarray(p)[None]})[0] for p in photos]))
function = re.search(r"^def prepare.*?(?=^\S(?!ef))", open(docs).read(), re.S | re.M).group(0)
exec(function)
square = ort.InferenceSession(stem + ".square.onnx")
compare("prepared images", square.run(["cls"], {"image": np.stack([prepare(p, int(side)) for p in photos])})[0])

for path in models:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    inferred = SymbolicShapeInference.infer_shapes(model)
    rank = {o.name: len(o.type.tensor_type.shape.dim) for o in inferred.graph.output}
    assert rank == {"cls": 2, "tokens": 3, "tokens_prenorm": 3}, rank
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([sys.executable, "-m", "onnxruntime.quantization.preprocess", "--input", path, "--output", folder + "/out.onnx"],
                              capture_output=True, text=True)
        assert done.returncode == 0, (path, done.stderr)
        a, b = ort.InferenceSession(path), ort.InferenceSession(folder + "/out.onnx")
        image = a.get_inputs()[0]
        shape = [d if isinstance(d, int) else {"batch": 2}.get(d, int(side)) for d in image.shape]
        x = np.random.default_rng(1).integers(0, 256, shape).astype(np.uint8 if "uint8" in image.type else np.float32)
        for p, q in zip(a.run(None, {"image": x}), b.run(None, {"image": x})):
            assert np.abs(p - q).max() <= 1e-4 * np.abs(p).max()
print("the same features")
