"""Runs the heads of model folders with transformers; reads JSON on stdin, writes JSON on stdout.

Input: {"folders": [...], "segments": [[text or mask, ...], ...], "rows": [{"text", "pair"}],
"words": [...]}. In a segment {text} and {pair} are filled, and [MASK] becomes the tokenizer's own.
Output, for each folder: the ids of each filled row, the words' logits at the mask by the head for
masked tokens, and the logits of the rows' texts by the head for sequence classification.
"""

import inspect
import json
import sys

import torch
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer


def fill(segment: str, row: dict, mask: str) -> str:
    return segment.replace("{text}", row["text"]).replace("{pair}", row["pair"]).replace("[MASK]", mask)


def encode(tokenizer, model, *texts: str) -> dict:
    # ALBERT was trained with token types, which its tokenizer gives only when asked.
    inputs = tokenizer(*texts, return_tensors="pt", return_token_type_ids=True)
    if "token_type_ids" not in inspect.signature(model.forward).parameters:
        del inputs["token_type_ids"]
    return inputs


def describe(folder: str, job: dict) -> dict:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    masked = AutoModelForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()
    classifier = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32)
    classifier.eval()
    words = [
        token
        for word in job["words"]
        for token in tokenizer(" " + word, add_special_tokens=False)["input_ids"]
    ]
    found = {"ids": [], "masked": [], "classification": []}
    for row in job["rows"]:
        texts = [fill(segment, row, tokenizer.mask_token) for segment in job["segments"]]
        inputs = encode(tokenizer, masked, *texts)
        ids = inputs["input_ids"][0].tolist()
        logits = masked(**inputs).logits[0, ids.index(tokenizer.mask_token_id)]
        found["ids"].append(ids)
        found["masked"].append(logits[words].tolist())
        inputs = encode(tokenizer, classifier, row["text"], row["pair"])
        found["classification"].append(classifier(**inputs).logits[0].tolist())
    return found


def main() -> None:
    torch.set_num_threads(1)
    torch.set_grad_enabled(False)
    job = json.load(sys.stdin)
    json.dump([describe(folder, job) for folder in job["folders"]], sys.stdout)


if __name__ == "__main__":
    main()
