#!/usr/bin/env python3
"""Writes batch_norm.json: what torch.nn.BatchNorm1d makes of three batches, one
after the other in training mode, and of a fourth in evaluation mode, in float64.
Needs torch; recorded with 2.15.0.

    python record_batch_norm.py
"""
import json
import pathlib

import torch

torch.manual_seed(0)
norm = torch.nn.BatchNorm1d(3).double()
with torch.no_grad():
    norm.weight.copy_(torch.randn(3))
    norm.bias.copy_(torch.randn(3))
draw = lambda rows: torch.randn(rows, 3, dtype=torch.float64) * torch.tensor([1.0, 4.0, 0.1]) + torch.tensor([0.0, -2.0, 5.0])

record = {"weight": norm.weight.tolist(), "bias": norm.bias.tolist(), "training": [], "evaluation": []}
for rows in (4, 2, 5):
    x = draw(rows)
    y = norm(x)
    record["training"].append({
        "x": x.tolist(), "y": y.tolist(),
        "running_mean": norm.running_mean.tolist(), "running_var": norm.running_var.tolist(),
    })
norm.eval()
x = draw(2)
record["evaluation"].append({"x": x.tolist(), "y": norm(x).tolist()})
pathlib.Path(__file__).with_name("batch_norm.json").write_text(json.dumps(record, indent=1) + "\n")
