"""Trains an adapter below BERT's frozen head for masked tokens, with transformers' own model.

Input: {"base", "adapter", "heads", "rows": [{"ids", "types", "selected", "label"}], "words": token ids,
"steps", "learning_rate", "weight_decay", "clip", "output"}. Every step takes all rows; the loss is
the cross-entropy over the words. Output: the loss of each step before it was taken. The trained
tensors are written as safetensors to the path `output`.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import BertForMaskedLM

MAKER = Path(__file__).resolve().parents[2] / "fixtures" / "make"
sys.path.insert(0, str(MAKER))

from tiny_attention import TinyAttention  # noqa: E402
from training_peer import pad  # noqa: E402


class AdaptedWords(torch.nn.Module):
    """The logits of some words at the mask, with an adapter after every attention block."""

    def __init__(self, job: dict):
        super().__init__()
        self.model = BertForMaskedLM.from_pretrained(job["base"], dtype=torch.float32).eval()
        self.model.requires_grad_(False)
        self.words, self.mask = job["words"], None
        state, heads = load_file(job["adapter"]), job["heads"]
        self.adapters = torch.nn.ModuleList()
        for index, layer in enumerate(self.model.bert.encoder.layer):
            prefix = f"encoder.layer.{index}.tiny_attn."
            own = {n.removeprefix(prefix): t for n, t in state.items() if n.startswith(prefix)}
            width = len(own["query.weight"]) // heads
            adapter = TinyAttention(self.model.config.hidden_size, heads, width)
            adapter.load_state_dict(own)
            self.adapters.append(adapter)
            layer.attention.output.register_forward_hook(
                lambda _module, _inputs, a, adapter=adapter: a + adapter(a, self.mask)
            )

    def named(self) -> dict[str, torch.nn.Parameter]:
        return {
            f"encoder.layer.{index}.tiny_attn.{name}": parameter
            for index, adapter in enumerate(self.adapters)
            for name, parameter in adapter.named_parameters()
        }

    def forward(self, batch: dict[str, torch.Tensor], selected: torch.Tensor) -> torch.Tensor:
        self.mask = batch["attention_mask"]
        logits = self.model(**batch).logits
        return logits[torch.arange(len(selected)), selected][:, self.words]


def main() -> None:
    torch.set_num_threads(1)
    job = json.load(sys.stdin)
    net = AdaptedWords(job)
    named = net.named()
    groups = [
        {"params": [p for p in named.values() if p.dim() > 1], "weight_decay": job["weight_decay"]},
        {"params": [p for p in named.values() if p.dim() == 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=job["learning_rate"])
    batch = pad(job["rows"])
    selected = torch.tensor([row["selected"] for row in job["rows"]])
    labels = torch.tensor([row["label"] for row in job["rows"]])
    losses = []
    for _ in range(job["steps"]):
        loss = F.cross_entropy(net(batch, selected), labels)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(list(named.values()), job["clip"])
        optimizer.step()
        losses.append(loss.item())
    save_file({name: p.detach().contiguous() for name, p in named.items()}, job["output"])
    json.dump(losses, sys.stdout)


if __name__ == "__main__":
    main()
