"""Saves adapters of other layouts as their trainers would, and says what their modules compute.

Called with a folder: for each case writes NAME.bin, a pickle of {state_dict, epoch, max_dev_metric}
in F64, and cases.json: for each case its heads, its inputs [batch, tokens, D], which tokens are
padding, and for each layer what the adapter adds to the inputs.
"""

import json
import math
import pathlib
import sys

import torch
from torch import nn

torch.manual_seed(11)
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
D, LAYERS, BATCH, TOKENS = 10, 2, 3, 7
LENGTHS = [7, 4, 1]
INPUTS = 2 * torch.randn(BATCH, TOKENS, D) + 0.3
PADDING = torch.tensor([[t >= length for t in range(TOKENS)] for length in LENGTHS])


class Joined(nn.Module):
    """LayerNorm, one linear layer to q, k and v, torch's own attention, one linear layer back."""

    def __init__(self, inner: int, heads: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(D)
        self.linear1 = nn.Linear(D, 3 * inner)
        self.attention = nn.MultiheadAttention(inner, heads, batch_first=True)
        self.linear2 = nn.Linear(inner, D)

    def forward(self, x):
        q, k, v = self.linear1(self.norm(x)).chunk(3, dim=-1)
        attended, _ = self.attention(q, k, v, key_padding_mask=PADDING)
        return self.linear2(attended)


def attend(q, k, v, heads: int):
    """Multi-head attention after its projections; keys at padding are masked."""
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    scores = scores.masked_fill(PADDING[:, None, None, :], -torch.inf)
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


class Split(nn.Module):
    """As GPT-2's: one narrow input for q, k and v, which have projections of their own."""

    def __init__(self, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(D)
        self.linear1 = nn.Linear(D, inner)
        self.attention = nn.ModuleDict({f"{p}_proj": nn.Linear(inner, inner) for p in ("q", "k", "v", "out")})
        self.linear2 = nn.Linear(inner, D)

    def forward(self, x):
        low = self.linear1(self.norm(x))
        qkv = (self.attention[f"{p}_proj"](low) for p in "qkv")
        return self.linear2(self.attention["out_proj"](attend(*qkv, self.heads)))


class Nemo(nn.Module):
    """As NeMo's multi-head attention adapter, for self-attention."""

    def __init__(self, inner: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.pre_norm = nn.LayerNorm(D)
        self.linear_q, self.linear_k, self.linear_v = (nn.Linear(D, inner) for _ in range(3))
        self.linear_out = nn.Linear(inner, D)

    def forward(self, x):
        u = self.pre_norm(x)
        return self.linear_out(attend(self.linear_q(u), self.linear_k(u), self.linear_v(u), self.heads))


class Chain(nn.Module):
    """Modules one behind another, each with its share added to the next one's input."""

    def __init__(self, modules) -> None:
        super().__init__()
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def forward(self, x):
        a = x
        for module in self.children():
            a = a + module(a) / len(self._modules)
        return a - x


def mixture(inner: int, heads: int) -> Chain:
    return Chain([Joined(inner, heads) for _ in range(4)])


PATHS = {
    "roberta": "roberta.encoder.layer.{}.tiny_attn",
    "gpt2": "transformer.h.{}.tiny_attn",
    "nemo": "encoder.layers.{}.adapter_layer.asr",
    "albert": "albert.encoder.albert_layer_groups.0.albert_layers.0.tiny_attn",
}
CASES = {
    "one_head": ("roberta", Joined, 1, 1),
    "narrow": ("roberta", Joined, 4, 4),
    "wide": ("roberta", Joined, 6, 2),
    "gpt2": ("gpt2", Split, 6, 3),
    "nemo": ("nemo", Nemo, 8, 2),
    "albert": ("albert", Joined, 3, 3),
    "mixture": ("roberta", mixture, 2, 2),
}
folder = pathlib.Path(sys.argv[1])
cases = {}
for name, (path, make, inner, heads) in CASES.items():
    modules = [make(inner, heads) for _ in range(1 if path == "albert" else LAYERS)]
    state = {"roberta.embeddings.word_embeddings.weight": torch.randn(3, D)}
    updates = []
    with torch.no_grad():
        for layer, module in enumerate(modules):
            for parameter in module.parameters():
                parameter.add_(0.4 * torch.randn_like(parameter))
            state |= {f"{PATHS[path].format(layer)}.{k}": v for k, v in module.state_dict().items()}
            updates.append(module(INPUTS).tolist())
    state["classifier.out_proj.weight"] = torch.randn(2, D)
    state["classifier.out_proj.bias"] = torch.randn(2)
    saved = {"state_dict": state, "epoch": 3, "max_dev_metric": torch.tensor(0.91)}
    torch.save(saved, folder / f"{name}.bin")
    cases[name] = {"heads": heads, "updates": updates}
result = {"inputs": INPUTS.tolist(), "lengths": LENGTHS, "cases": cases}
(folder / "cases.json").write_text(json.dumps(result))
