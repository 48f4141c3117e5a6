"""PyTorch on the processor. Usage: pytorch_peer.py BASE DATA TASK ROUNDS ADAPTER..."""

import json
import sys
import time

import torch
from adapted import Adapted
from rows import batches, read_rows


@torch.inference_mode()
def run(model, data):
    right = 0
    for labels, inputs in data:
        right += (model(**inputs).argmax(-1) == torch.tensor(labels)).sum().item()
    return right


base, data_path, task, rounds, *adapters = sys.argv[1:]
rows = read_rows(data_path, task)
data = batches(base, rows, "pt")
correct, seconds = [], []
for folder in adapters:
    model = Adapted(base, folder)
    for _ in range(int(rounds)):
        started = time.perf_counter()
        right = run(model, data)
        seconds.append(time.perf_counter() - started)
    correct.append(right)
print(json.dumps({"examples": len(rows), "correct": correct, "forward": min(seconds)}))
