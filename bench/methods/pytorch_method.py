"""Trains one method of adaptation with PyTorch and PEFT. Usage: pytorch_method.py JOB.json, see Job in runs.ts"""

import json
import random
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F
from transformers import AutoModel, AutoTokenizer, get_linear_schedule_with_warmup

CHUNK = 50  # batches whose rows are sorted by length together
MAX_LENGTH = 128
DROPOUT = 0.1  # of the classifier's inputs
LORA_RANK = 8
BOTTLENECK = 16  # hidden sizes over the width of an adapter


class Bottleneck(nn.Module):
    """Down, ReLU, up, and the input added; the identity at the start."""

    def __init__(self, hidden):
        super().__init__()
        self.down = nn.Linear(hidden, hidden // BOTTLENECK)
        self.up = nn.Linear(hidden // BOTTLENECK, hidden)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x):
        return x + self.up(F.relu(self.down(x)))


def freeze(base):
    base.requires_grad_(False)
    return base


def lora(base):
    from peft import LoraConfig, get_peft_model  # takes seconds to import

    config = LoraConfig(
        r=LORA_RANK, lora_alpha=2 * LORA_RANK, lora_dropout=0.1, target_modules=["query", "value"]
    )
    return get_peft_model(base, config)


def bitfit(base):
    for name, parameter in freeze(base).named_parameters():
        parameter.requires_grad_(name.endswith(".bias"))
    return base


def bottleneck(base):
    """One after each feed-forward block, before its residual, as Pfeiffer et al. place it."""
    for layer in freeze(base).encoder.layer:
        layer.output.dense = nn.Sequential(layer.output.dense, Bottleneck(base.config.hidden_size))
    return base


METHODS = {
    "lora": lora,
    "bitfit": bitfit,
    "bottleneck": bottleneck,
    "full": lambda base: base,
    "probe": freeze,
}


class Classified(nn.Module):
    """Logits of one linear layer on the first token's last hidden state."""

    def __init__(self, base, method, outputs):
        super().__init__()
        hidden = base.config.hidden_size
        self.base = METHODS[method](base)
        self.classifier = nn.Linear(hidden, outputs)
        nn.init.normal_(self.classifier.weight, std=0.02)
        nn.init.zeros_(self.classifier.bias)
        self.dropout = nn.Dropout(DROPOUT)
        self.is_probe = method == "probe"

    def forward(self, inputs):
        # A probe's base is a fixed function: without dropout, and nothing goes back through it.
        if self.is_probe:
            self.base.eval()
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.is_probe):
            hidden = self.base(**inputs).last_hidden_state[:, 0]
        return self.classifier(self.dropout(hidden))


class Rows:
    """Tokenised rows of a JSON Lines file, and what the classifier should say of them."""

    def __init__(self, path, tokenizer):
        with open(path, encoding="utf-8") as file:
            rows = [json.loads(line) for line in file]
        pairs = [row["pair"] for row in rows] if "pair" in rows[0] else None
        encoded = tokenizer(
            [row["text"] for row in rows],
            pairs,
            truncation=True,
            max_length=MAX_LENGTH,
            return_token_type_ids=True,
        )
        self.encoded = [{key: encoded[key][i] for key in encoded} for i in range(len(rows))]
        self.targets = [row["target"] for row in rows]
        self.tokenizer = tokenizer

    def inputs(self, batch):
        return dict(self.tokenizer.pad([self.encoded[i] for i in batch], return_tensors="pt"))

    def length(self, i):
        return len(self.encoded[i]["input_ids"])

    def shuffled(self, size):
        """Batches of rows of like length, in random order."""
        order = list(range(len(self.encoded)))
        random.shuffle(order)
        made = []
        for start in range(0, len(order), CHUNK * size):
            chunk = sorted(order[start : start + CHUNK * size], key=self.length)
            made += [chunk[k : k + size] for k in range(0, len(chunk), size)]
        random.shuffle(made)
        return made


def train(model, rows, job):
    trained = [p for p in model.parameters() if p.requires_grad]
    steps = job["epochs"] * -(-len(rows.targets) // job["batch"])
    optimizer = torch.optim.AdamW(trained, lr=job["rate"], weight_decay=0.01)
    schedule = get_linear_schedule_with_warmup(optimizer, int(0.06 * steps), steps)
    model.train()
    started = time.perf_counter()
    for _ in range(job["epochs"]):
        for batch in rows.shuffled(job["batch"]):
            logits = model(rows.inputs(batch))
            targets = torch.tensor([rows.targets[i] for i in batch])
            if job["outputs"] == 1:
                loss = F.mse_loss(logits.squeeze(1), targets.float())
            else:
                loss = F.cross_entropy(logits, targets)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, 1.0)
            optimizer.step()
            schedule.step()
    return time.perf_counter() - started


@torch.no_grad()
def predict(model, rows, job):
    model.eval()
    order = sorted(range(len(rows.targets)), key=rows.length)
    logits = torch.zeros(len(order), job["outputs"])
    for start in range(0, len(order), job["batch"]):
        batch = order[start : start + job["batch"]]
        logits[batch] = model(rows.inputs(batch))
    return logits.flatten().tolist()


with open(sys.argv[1], encoding="utf-8") as file:
    job = json.load(file)
torch.manual_seed(job["seed"])
random.seed(job["seed"])
torch.set_num_threads(job["threads"])
tokenizer = AutoTokenizer.from_pretrained(job["base"])
base = AutoModel.from_pretrained(job["base"], add_pooling_layer=False, dtype=torch.float32)
model = Classified(base, job["method"], job["outputs"])
seconds = train(model, Rows(job["train"], tokenizer), job)
logits = predict(model, Rows(job["judge"], tokenizer), job)
parameters = sum(p.numel() for p in model.parameters() if p.requires_grad)
print(json.dumps({"parameters": parameters, "seconds": seconds, "logits": logits}))
