"""Writes an adapted model as ONNX. Usage: export_onnx.py BASE OUT.onnx ADAPTER"""

import sys

import torch
from adapted import Adapted

base, out, adapter = sys.argv[1:]
model = Adapted(base, adapter)
model.base.set_attn_implementation("eager")
example = {name: torch.ones(2, 8, dtype=torch.long) for name in ("ids", "mask", "types")}
axes = {0: "batch", 1: "tokens"}
names = ["input_ids", "attention_mask", "token_type_ids"]
torch.onnx.export(
    model,
    tuple(example.values()),
    out,
    input_names=names,
    output_names=["logits"],
    dynamic_axes={name: axes for name in names} | {"logits": {0: "batch"}},
    opset_version=18,
    dynamo=False,
)
