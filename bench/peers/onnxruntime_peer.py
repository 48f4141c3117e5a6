"""onnxruntime for Python. Usage: onnxruntime_peer.py BASE DATA TASK ROUNDS MODEL.onnx..."""

import json
import sys
import time

import onnxruntime
from rows import batches, read_rows

base, data_path, task, rounds, *models = sys.argv[1:]
rows = read_rows(data_path, task)
data = batches(base, rows, "np")
correct, seconds = [], []
for path in models:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for _ in range(int(rounds)):
        started = time.perf_counter()
        right = 0
        for labels, inputs in data:
            logits = session.run(["logits"], inputs)[0]
            right += int((logits.argmax(-1) == labels).sum())
        seconds.append(time.perf_counter() - started)
    correct.append(right)
print(json.dumps({"examples": len(rows), "correct": correct, "forward": min(seconds)}))
