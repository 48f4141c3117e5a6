"""Gradients by PyTorch's autograd, in f64; reads JSON on stdin, writes JSON on stdout.

Input: {"linear": {...}, "layer_norm": {...}, "activations": {...}, "attention": {...},
"dropped_attention": {...}}, as the
functions below take them. Output: their gradients by the same names, flattened.
"""

import json
import sys

import torch
from torch.nn import functional


def leaf(numbers: list, *shape: int) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64).reshape(shape).requires_grad_()


def constant(numbers: list, *shape: int) -> torch.Tensor:
    return torch.tensor(numbers, dtype=torch.float64).reshape(shape)


def flat(*tensors: torch.Tensor) -> list:
    return torch.cat([tensor.grad.flatten() for tensor in tensors]).tolist()


def linear(x: list, weight: list, dy: list, rows: int, inner: int, cols: int) -> dict:
    x, weight = leaf(x, rows, inner), leaf(weight, cols, inner)
    bias = leaf([0.0] * cols, cols)
    functional.linear(x, weight, bias).backward(constant(dy, rows, cols))
    return {"dx": flat(x), "gradient": flat(weight, bias)}


def layer_norm(x: list, weight: list, dy: list, rows: int, cols: int, eps: float) -> dict:
    x, weight = leaf(x, rows, cols), leaf(weight, cols)
    bias = leaf([0.0] * cols, cols)
    functional.layer_norm(x, (cols,), weight, bias, eps).backward(constant(dy, rows, cols))
    return {"dx": flat(x), "gradient": flat(weight, bias)}


def activations(x: list, dy: list) -> dict:
    functions = {
        "gelu": functional.gelu,
        "geluTanh": lambda v: functional.gelu(v, approximate="tanh"),
        "relu": functional.relu,
        "tanh": torch.tanh,
    }
    gradients = {}
    for name, function in functions.items():
        values = leaf(x, len(x))
        function(values).backward(constant(dy, len(dy)))
        gradients[name] = flat(values)
    return gradients


def attention(
    qkv: list, dy: list, lengths: list, num_heads: int, head_dim: int, masks: list | None = None
) -> dict:
    hidden = num_heads * head_dim
    qkv = leaf(qkv, sum(lengths), 3 * hidden)
    outputs = []
    for index, rows in enumerate(qkv.split(lengths)):
        q, k, v = (
            part.reshape(-1, num_heads, head_dim).transpose(0, 1)
            for part in rows.split(hidden, dim=1)
        )
        weights = torch.softmax(q @ k.transpose(1, 2) / head_dim**0.5, dim=-1)
        if masks is not None:
            weights = weights * torch.tensor(masks[index], dtype=torch.float64)
        outputs.append((weights @ v).transpose(0, 1).reshape(-1, hidden))
    y = torch.cat(outputs)
    y.backward(constant(dy, sum(lengths), hidden))
    return {"dqkv": flat(qkv), "y": y.flatten().tolist()}


def main() -> None:
    torch.set_num_threads(1)
    functions = {
        "linear": linear,
        "layer_norm": layer_norm,
        "activations": activations,
        "attention": attention,
        "dropped_attention": attention,
    }
    job = json.load(sys.stdin)
    json.dump({name: functions[name](**job[name]) for name in job}, sys.stdout)


if __name__ == "__main__":
    main()
