"""Trains an adapter with PyTorch on given batches; reads JSON on stdin, writes JSON on stdout.

Input: {"base", "adapter", "gradients", "batches": [[{"ids", "types", "label"}]], "learning_rates",
"weight_decay", "clip", "threads"}. Output: the loss of each step before it was taken. The gradients
of the first step, before clipping, are written as safetensors to the path `gradients`, and what F64
makes of them under names that begin with "exact.". All else is in F32.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

MAKER = Path(__file__).resolve().parents[2] / "fixtures" / "make"
sys.path.insert(0, str(MAKER))

from tiny_attention import AdaptedClassifier  # noqa: E402
from train_adapter import load_adapted  # noqa: E402


def pad(rows: list[dict]) -> dict[str, torch.Tensor]:
    """The rows as a batch, padded with zeros to the longest."""
    length = max(len(row["ids"]) for row in rows)

    def column(values):
        return torch.tensor([[*each, *[0] * (length - len(each))] for each in values])

    return {
        "input_ids": column(row["ids"] for row in rows),
        "attention_mask": column([1] * len(row["ids"]) for row in rows),
        "token_type_ids": column(row["types"] for row in rows),
    }


def parameters(net: AdaptedClassifier) -> dict[str, torch.nn.Parameter]:
    """What is trained, by the names of the adapter's tensors."""
    named = {
        f"encoder.layer.{index}.tiny_attn.{name}": parameter
        for index, adapter in enumerate(net.adapters)
        for name, parameter in adapter.named_parameters()
    }
    return named | {f"classifier.{name}": p for name, p in net.classifier.named_parameters()}


def loss_of(net: AdaptedClassifier, rows: list[dict]) -> torch.Tensor:
    """The mean cross-entropy of some rows."""
    return F.cross_entropy(net(pad(rows)), torch.tensor([row["label"] for row in rows]))


def main() -> None:
    """Takes every step and tells the losses."""
    job = json.load(sys.stdin)
    torch.set_num_threads(job["threads"])
    net = load_adapted(Path(job["base"]), load_file(job["adapter"]))
    named = parameters(net)
    exact = load_adapted(Path(job["base"]), load_file(job["adapter"])).double()
    loss_of(exact, job["batches"][0]).backward()
    gradients = {f"exact.{name}": p.grad for name, p in parameters(exact).items()}
    matrices = [p for p in named.values() if p.dim() > 1]
    vectors = [p for p in named.values() if p.dim() == 1]
    groups = [
        {"params": matrices, "weight_decay": job["weight_decay"]},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups)
    losses = []
    for rows, rate in zip(job["batches"], job["learning_rates"], strict=True):
        loss = loss_of(net, rows)
        optimizer.zero_grad()
        loss.backward()
        if not losses:
            gradients |= {name: p.grad for name, p in named.items()}
            save_file({name: g.contiguous() for name, g in gradients.items()}, job["gradients"])
        torch.nn.utils.clip_grad_norm_(list(named.values()), job["clip"])
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.step()
        losses.append(loss.item())
    json.dump(losses, sys.stdout)


if __name__ == "__main__":
    main()
