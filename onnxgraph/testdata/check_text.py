"""Reads the golden texts by onnx.parser, checks the models and runs them.

    python onnxgraph/testdata/check_text.py        # needs onnx, onnxruntime, numpy

Verified with onnx 1.23.2 and onnxruntime 1.32.0; texts with elided constants are
skipped.
"""
import pathlib

import numpy
import onnx.checker
import onnx.parser
import onnxruntime

for path in sorted(pathlib.Path(__file__).parent.glob("*.onnxtxt")):
    text = path.read_text()
    if "{..." in text:
        print(f"{path.name}: has elided constants, not read")
        continue
    model = onnx.parser.parse_model(text)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    feeds = {
        i.name: numpy.ones([d if isinstance(d, int) else 2 for d in i.shape], numpy.float32)
        for i in session.get_inputs()
    }
    shapes = [list(o.shape) for o in session.run(None, feeds)]
    print(f"{path.name}: {len(model.graph.node)} nodes, {len(model.functions)} functions, outputs {shapes}")
