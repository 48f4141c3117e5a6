"""Encodes texts with transformers, for tokenizer_test.ts.

Reads {"model": folder, "groups": [{"texts", "pairs" or null, "maxLength"}]} as JSON from stdin.
Writes little-endian u32 to stdout, for each text of each group: length, ids, type ids.
"""

import array
import json
import sys

from transformers import AutoTokenizer

job = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(job["model"])
out = array.array("I")
for group in job["groups"]:
    batch = tokenizer(
        group["texts"],
        group["pairs"],
        truncation=True,
        max_length=group["maxLength"],
        return_token_type_ids=True,
    )
    for ids, type_ids in zip(batch["input_ids"], batch["token_type_ids"], strict=True):
        out.append(len(ids))
        out.extend(ids)
        out.extend(type_ids)
if sys.byteorder == "big":
    out.byteswap()
sys.stdout.buffer.write(out.tobytes())
