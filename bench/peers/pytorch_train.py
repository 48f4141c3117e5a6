"""Trains an adapter with PyTorch on the processor. Usage: pytorch_train.py BASE DATA TASK ADAPTER THREADS STARTED"""

import json
import random
import sys
import time

import torch
from adapted import Adapted
from rows import BATCH, read_rows
from transformers import AutoTokenizer, get_linear_schedule_with_warmup

CHUNK = 50  # batches whose rows are sorted by length together
WARM = 20  # steps before the clock of the steady state starts


def shuffled(rows):
    """Batches of rows of like length, in random order."""
    order = rows[:]
    random.shuffle(order)
    batches = []
    for start in range(0, len(order), CHUNK * BATCH):
        chunk = order[start : start + CHUNK * BATCH]
        chunk.sort(key=lambda row: len(row[0]) + len(row[1] or ""))
        batches += [chunk[k : k + BATCH] for k in range(0, len(chunk), BATCH)]
    random.shuffle(batches)
    return batches


def inputs_of(tokenizer, rows):
    pairs = None if rows[0][1] is None else [row[1] for row in rows]
    options = dict(truncation=True, max_length=128, padding=True, return_token_type_ids=True)
    return dict(tokenizer([row[0] for row in rows], pairs, return_tensors="pt", **options))


base, data, task, adapter, threads, started = sys.argv[1:]
torch.manual_seed(0)
random.seed(0)
torch.set_num_threads(int(threads))
tokenizer = AutoTokenizer.from_pretrained(base)
model = Adapted(base, adapter)
model.base.requires_grad_(False)
dropout = torch.nn.Dropout(0.1)
model.classifier.register_forward_pre_hook(lambda _module, inputs: dropout(inputs[0]))
trained = [p for p in model.parameters() if p.requires_grad]
batches = shuffled(read_rows(data, task))
optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01)
schedule = get_linear_schedule_with_warmup(optimizer, int(0.06 * len(batches)), len(batches))
first, losses, examples = None, [], 0
for step, rows in enumerate(batches):
    if step == WARM:
        clock = time.perf_counter()
    logits = model(**inputs_of(tokenizer, rows))
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor([row[2] for row in rows]))
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trained, 1.0)
    optimizer.step()
    schedule.step()
    losses.append(loss.item())
    first = first or time.time() - float(started)
    examples += len(rows) if step >= WARM else 0
rate = examples / (time.perf_counter() - clock)
loss = sum(losses) / len(losses)
print(json.dumps({"firstStep": first, "rate": rate, "loss": loss, "steps": len(batches)}))
