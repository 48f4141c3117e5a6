"""Loads folders or repositories by transformers' own way for models with code, and runs texts.

Reads JSON on stdin: [{"model": ..., "tokenizer": ..., "texts": [...], "targets": [...]}]. Writes for each
the logits of one padded batch in float32, the labels, how far the logits are from those of the texts
alone, of a copy, and of what save_pretrained wrote, and the loss against the targets, class 0 unless
given.
"""

import copy
import json
import sys
import tempfile

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

load = AutoModelForSequenceClassification.from_pretrained


def run(model: str, tokenizer: str, texts: list[str], targets: list | None = None) -> dict:
    classifier = load(model, trust_remote_code=True)
    assert not classifier.training
    tokens = AutoTokenizer.from_pretrained(tokenizer)
    batch = tokens(texts, padding=True, return_tensors="pt")
    logits = classifier(**batch).logits
    alone = torch.cat([classifier(**tokens(text, return_tensors="pt")).logits for text in texts])
    twin = copy.deepcopy(classifier)
    del classifier
    with tempfile.TemporaryDirectory() as folder:
        twin.save_pretrained(folder)
        saved = load(folder, trust_remote_code=True)
    loss = saved(**batch, labels=torch.tensor(targets or [0] * len(texts))).loss
    others = [alone, twin(**batch).logits, saved(**batch).logits]
    return {
        "logits": logits.tolist(),
        "labels": [saved.config.id2label[i] for i in range(saved.config.num_labels)],
        "differences": [(other - logits).abs().max().item() for other in others],
        "loss": loss.item(),
    }


def main() -> None:
    torch.set_num_threads(1)
    with torch.no_grad():
        results = [run(**job) for job in json.load(sys.stdin)]
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
