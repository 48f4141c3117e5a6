"""Loads checkpoint folders with transformers and runs them; reads JSON on stdin, writes JSON on stdout.

Input: {"folders": [...], "input_ids": [[...]], "token_type_ids": [[...]]}, one sequence a batch.
Output, for each folder: missing and unexpected keys, the dtype, and the last hidden states in F32.
"""

import json
import sys

import torch
from transformers import AutoModel


def describe(folder: str, rows: list) -> dict:
    model, info = AutoModel.from_pretrained(
        folder, add_pooling_layer=False, output_loading_info=True, attn_implementation="eager"
    )
    dtype = str(next(model.parameters()).dtype)
    model = model.float().eval()
    with torch.no_grad():
        states = [
            model(input_ids=torch.tensor([ids]), token_type_ids=torch.tensor([types]))
            .last_hidden_state.flatten()
            .tolist()
            for ids, types in rows
        ]
    return {
        "missing": sorted(info["missing_keys"]),
        "unexpected": sorted(info["unexpected_keys"]),
        "dtype": dtype,
        "states": states,
    }


def main() -> None:
    torch.set_num_threads(1)
    job = json.load(sys.stdin)
    rows = list(zip(job["input_ids"], job["token_type_ids"]))
    json.dump([describe(folder, rows) for folder in job["folders"]], sys.stdout)


if __name__ == "__main__":
    main()
