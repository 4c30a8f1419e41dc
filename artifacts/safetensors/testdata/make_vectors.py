"""Writes vectors.safetensors with the reference implementation.

    pip install torch safetensors   # safetensors 0.8.0, torch 2.15.0 were used
    python make_vectors.py

Every element type, rank 0, an empty tensor, and names that need JSON escapes.
The values are those that safetensors_test.go builds.
"""

import os

import torch
from safetensors.torch import save_file

here = os.path.dirname(os.path.abspath(__file__))
ramp = torch.arange(6).reshape(2, 3)
tensors = {
    "bool": ramp % 2 == 1,
    "scalar": torch.tensor(1.5),
    "empty": torch.zeros(0, 3),
    "": torch.tensor([7], dtype=torch.int8),
    'quote" back\\slash </tag>& \u00e9\u4e2d\U0001f600\n\x01': torch.tensor([1.0, -2.0]),
}
for name in "uint8 int8 uint16 int16 uint32 int32 uint64 int64 float16 bfloat16 float32 float64".split():
    dtype = getattr(torch, name)
    values = ramp.to(torch.float64) / 4 if dtype.is_floating_point else ramp
    tensors[name] = values.to(dtype)
save_file(tensors, os.path.join(here, "vectors.safetensors"), metadata={"format": "pt"})
