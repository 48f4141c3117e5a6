"""A BERT classifier with tiny-attention modules in PyTorch, as the peers of the bench run it."""

import json
import math

import torch
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModel


class TinyAttention(nn.Module):
    """One layer's module: the input [B, T, D] plus the update of M narrow heads."""

    def __init__(self, hidden, heads, head_dim, combine, eps):
        super().__init__()
        width = heads * head_dim
        self.norm = nn.LayerNorm(hidden, eps=eps)
        self.query = nn.Linear(hidden, width)
        self.key = nn.Linear(hidden, width)
        self.value = nn.Linear(hidden, width)
        self.output = nn.Linear(width, hidden)
        self.heads, self.head_dim = heads, head_dim
        self.scale = 1.0 if combine == "sum" else 1.0 / heads

    def forward(self, a, blocked):
        u = self.norm(a)
        batch, tokens, _ = a.shape
        split = lambda x: x.view(batch, tokens, self.heads, self.head_dim).transpose(1, 2)
        q, k, v = split(self.query(u)), split(self.key(u)), split(self.value(u))
        scores = q @ k.transpose(-1, -2) / math.sqrt(self.head_dim)
        z = torch.softmax(scores + blocked, dim=-1) @ v
        z = z.transpose(1, 2).reshape(batch, tokens, -1)
        return a + self.scale * nn.functional.linear(z, self.output.weight) + self.output.bias


class Adapted(nn.Module):
    """Logits [B, labels] of the base with an adapter folder's modules and classifier."""

    def __init__(self, base, folder):
        super().__init__()
        with open(f"{folder}/adapter_config.json") as file:
            config = json.load(file)
        tensors = load_file(f"{folder}/adapter_model.safetensors")
        self.base = AutoModel.from_pretrained(base, add_pooling_layer=False)
        heads = config["num_heads"]
        layers = self.base.encoder.layer
        self.modules_of = nn.ModuleList()
        for index, layer in enumerate(layers):
            module = TinyAttention(
                config["hidden_size"],
                heads if isinstance(heads, int) else heads[index],
                config["head_dim"],
                config["combine"],
                config["layer_norm_eps"],
            )
            prefix = f"encoder.layer.{index}.tiny_attn."
            module.load_state_dict(
                {n[len(prefix) :]: t for n, t in tensors.items() if n.startswith(prefix)}
            )
            self.modules_of.append(module)
            layer.attention.output.register_forward_hook(
                lambda _module, _inputs, a, adapter=module: adapter(a, self.blocked)
            )
        weight = tensors["classifier.weight"]
        self.classifier = nn.Linear(weight.shape[1], weight.shape[0])
        self.classifier.load_state_dict({"weight": weight, "bias": tensors["classifier.bias"]})
        self.eval()

    def forward(self, input_ids, attention_mask, token_type_ids):
        # Finite, as an infinity times zero is no number; no probability survives it in f32.
        self.blocked = (1.0 - attention_mask[:, None, None, :].float()) * -1e30
        hidden = self.base(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        return self.classifier(hidden[:, 0])
