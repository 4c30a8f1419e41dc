"""Writes differentiable.json: for each operator of opset 17 that package op
registers, ONNX's own category of each formal input (onnx.defs, field
differentiation_category): "yes", "no" or "unknown". Needs the Python package onnx.

    python differentiable.py Add Mul ... > differentiable.json
"""

import json
import sys

import onnx

CATEGORY = {"Differentiable": "yes", "NonDifferentiable": "no", "Unknown": "unknown"}


def category(formal):
    return CATEGORY[str(formal.differentiation_category).rsplit(".", 1)[-1]]


def main(names):
    table = {}
    for name in sorted(names):
        schema = onnx.defs.get_schema(name, 17)
        table[name] = {
            "since_version": schema.since_version,
            "inputs": [category(i) for i in schema.inputs],
        }
    rows = [f"  {json.dumps(k)}: {json.dumps(v)}" for k, v in table.items()]
    print("{\n" + ",\n".join(rows) + "\n}")


main(sys.argv[1:])
