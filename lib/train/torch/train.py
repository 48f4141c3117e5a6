# /// script
# requires-python = ">=3.11"
# dependencies = [
#   "accelerate==1.15.0",
#   "numpy==2.4.6",
#   "safetensors==0.8.0",
#   "torch==2.13.0",
#   "transformers==5.23.0",
# ]
# ///
"""Trains a tiny-attention adapter on a frozen encoder, with transformers' own loop.

The folder beside this script says what to train: options.json, the adapter to start from, and the
rows. What comes out is an adapter folder that tinygraft reads: check, merge, predict, inject.
"""

import argparse
import json
import math
import os
import random
import shutil

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional as F
from transformers import (
    AutoModel,
    AutoTokenizer,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

STEPS_SORTED_TOGETHER = 50  # rows of a step then have similar lengths
EVAL_BATCH = 64


class TinyAttention(nn.Module):
    """One layer's module: what M narrow heads add, from an input [B, T, D]."""

    def __init__(self, hidden, heads, config, dropout):
        super().__init__()
        width = heads * config["head_dim"]
        self.norm = nn.LayerNorm(hidden, eps=config["layer_norm_eps"])
        self.query = nn.Linear(hidden, width)
        self.key = nn.Linear(hidden, width)
        self.value = nn.Linear(hidden, width)
        self.output = nn.Linear(width, hidden)
        self.heads, self.head_dim = heads, config["head_dim"]
        self.scale = 1.0 if config["combine"] == "sum" else 1.0 / heads
        self.dropout = dropout
        self.added = None  # the update, from where it is computed to where it is added

    def forward(self, x, blocked, head):
        """With a head, this one stands for all: its output is multiplied by their number."""
        u = self.norm(x)
        batch, tokens, _ = x.shape
        split = lambda x: x.view(batch, tokens, self.heads, self.head_dim).transpose(1, 2)
        q, k, v = split(self.query(u)), split(self.key(u)), split(self.value(u))
        scores = q @ k.transpose(-1, -2) / math.sqrt(self.head_dim)
        weights = torch.softmax(scores + blocked, dim=-1)
        z = F.dropout(weights, self.dropout, self.training) @ v
        weight, scale = self.output.weight, self.scale
        if head is None:
            z = z.transpose(1, 2).reshape(batch, tokens, -1)
        else:
            z = z[:, head]
            weight = weight.view(-1, self.heads, self.head_dim)[:, head]
            scale = scale * self.heads
        return scale * F.linear(z, weight) + self.output.bias

    def join(self, _site, _inputs, y):
        added, self.added = self.added, None
        return y + added


class Adapted(nn.Module):
    """The frozen base with modules in its layers, and a classifier on token 0."""

    def __init__(self, base, options, config, tensors):
        super().__init__()
        self.base = AutoModel.from_pretrained(base, dtype=torch.float32)
        self.base.requires_grad_(False)
        self.regression = config["task"]["type"] == "regression"
        self.settings = options["settings"]
        self.prefixes = [site["path"] for site in options["modules"]]
        heads = config["num_heads"]
        self.tiny = nn.ModuleList()
        for index, site in enumerate(options["modules"]):
            count = heads if isinstance(heads, int) else heads[index]
            dropout = self.settings["attentionDropout"]
            module = TinyAttention(config["hidden_size"], count, config, dropout)
            self.tiny.append(module)
            self.hook(module, **site)
        labels, hidden = tensors["classifier.weight"].shape
        self.classifier = nn.Linear(hidden, labels)
        self.dropout = nn.Dropout(self.settings["dropout"])
        self.load(tensors)

    def hook(self, tiny, path, reads, joins):
        """Puts a module in its place; a layer that stands for several runs it as often as itself."""

        def run(x):
            tiny.added = tiny(x, self.blocked, self.head)

        at = self.base.get_submodule
        if path.startswith(f"{reads}."):  # the layer: its input is read
            at(reads).register_forward_pre_hook(lambda _layer, inputs: run(inputs[0]))
        else:
            at(reads).register_forward_hook(lambda _norm, _inputs, a: run(a))
        at(joins).register_forward_hook(tiny.join)

    def names(self):
        """The trained parameters by the names that files have."""
        for prefix, module in zip(self.prefixes, self.tiny):
            for name, parameter in module.named_parameters():
                yield f"{prefix}.{name}", parameter
        for name, parameter in self.classifier.named_parameters():
            yield f"classifier.{name}", parameter

    @torch.no_grad()
    def load(self, tensors):
        for name, parameter in self.names():
            parameter.copy_(tensors[name])

    def values(self):
        return {n: p.detach().clone().cpu().contiguous() for n, p in self.names()}

    def train(self, mode=True):
        super().train(mode)
        self.base.eval()
        return self

    @torch.no_grad()
    def draw_together(self, share):
        """Takes a share of each head's distance to the mean of its module's heads off."""
        for module in self.tiny:
            columns = module.output.weight.view(-1, module.heads, module.head_dim).transpose(0, 1)
            layers = (module.query, module.key, module.value)
            rows = [p.view(module.heads, -1) for layer in layers for p in layer.parameters()]
            for heads in (*rows, columns):
                heads.lerp_(heads.mean(0, keepdim=True).expand_as(heads), share)

    def logits(self, inputs, head):
        # Finite, as an infinity times zero is no number; no probability survives it in f32.
        self.blocked = (1.0 - inputs["attention_mask"][:, None, None, :].float()) * -1e30
        self.head = head
        hidden = self.base(**inputs).last_hidden_state
        return self.classifier(self.dropout(hidden[:, 0]))

    def loss(self, logits, labels):
        if self.regression:
            return F.mse_loss(logits.squeeze(-1), labels.float())
        smoothing = self.settings["labelSmoothing"] if self.training else 0.0
        return F.cross_entropy(logits, labels.long(), label_smoothing=smoothing)

    def difference(self, one, other):
        if self.regression or self.settings["consistency"] == "mse":
            return F.mse_loss(one, other)
        p, q = one.log_softmax(-1), other.log_softmax(-1)
        kl = lambda a, b: F.kl_div(a, b, log_target=True, reduction="batchmean")
        return 0.5 * (kl(p, q) + kl(q, p))

    # Named arguments only: with **arguments the trainer would scale the loss by itself.
    def forward(self, input_ids, attention_mask, token_type_ids=None, labels=None):
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if token_type_ids is not None:
            inputs["token_type_ids"] = token_type_ids
        if not self.training or self.settings["recipe"] == "plain":
            logits = self.logits(inputs, None)
            return {"loss": self.loss(logits, labels), "logits": logits}
        # Two heads, each in the place of all, in every layer alike.
        one, other = (
            self.logits(inputs, random.randrange(self.tiny[0].heads)) for _ in range(2)
        )
        loss = self.loss(one, labels) + self.loss(other, labels)
        weight = self.settings["consistencyWeight"]
        return {"loss": loss + weight * self.difference(one, other), "logits": one}


def read_rows(path, tokenizer, max_length):
    with open(path, encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    for row in rows:
        texts = [row["text"]] if row.get("pair") is None else [row["text"], row["pair"]]
        yield {
            **tokenizer(*texts, truncation=True, max_length=max_length),
            "labels": row["label"],
        }


class Buckets(torch.utils.data.Sampler):
    """Rows of a step have similar lengths, and the order differs from pass to pass."""

    def __init__(self, rows, batch, seed):
        self.lengths = [len(row["input_ids"]) for row in rows]
        self.batch, self.seed, self.epoch = batch, seed, 0

    def __len__(self):
        return len(self.lengths)

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __iter__(self):
        draw = random.Random(f"{self.seed} {self.epoch}")
        order = list(range(len(self.lengths)))
        draw.shuffle(order)
        size, batches = STEPS_SORTED_TOGETHER * self.batch, []
        for start in range(0, len(order), size):
            chunk = sorted(order[start : start + size], key=lambda row: self.lengths[row])
            batches += [chunk[k : k + self.batch] for k in range(0, len(chunk), self.batch)]
        # A short batch in the middle would tear those after it apart.
        whole = [batch for batch in batches if len(batch) == self.batch]
        draw.shuffle(whole)
        rest = [batch for batch in batches if len(batch) < self.batch]
        return iter([row for batch in whole + rest for row in batch])


class AdapterTrainer(Trainer):
    """transformers' loop with our order of rows."""

    def _get_train_sampler(self, train_dataset=None):
        settings = self.model.settings
        return Buckets(self.train_dataset, settings["batch"], settings["seed"])


class KeepBest(TrainerCallback):
    """Keeps the values of the best evaluation, and stops where nothing better comes."""

    def __init__(self, model, options):
        self.model, self.metric = model, f"eval_{options['metric']}"
        self.patience = options["patience"]
        self.value, self.values, self.step, self.worse = -math.inf, None, None, 0

    def on_evaluate(self, args, state, control, metrics, **_):
        value = metrics[self.metric]
        if value > self.value:
            self.value, self.values, self.step = value, self.model.values(), state.global_step
            self.worse = 0
        else:
            self.worse += 1
        if self.patience is not None and self.worse >= self.patience:
            control.should_training_stop = True


class DrawTogether(TrainerCallback):
    """Draws heads to their mean after each step, times its learning rate."""

    def __init__(self, model):
        self.model = model

    def on_optimizer_step(self, args, state, control, optimizer, **_):
        rate = optimizer.param_groups[0]["lr"]
        self.model.draw_together(min(1.0, rate * self.model.settings["elasticity"]))


class StopAtNaN(TrainerCallback):
    def on_log(self, args, state, control, logs, **_):
        if not math.isfinite(logs.get("loss", 0.0)):
            raise SystemExit(f"The loss is {logs['loss']} at step {state.global_step}: lower --lr")


def pearson(x, y):
    x, y = x - x.mean(), y - y.mean()
    norm = math.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / norm) if norm > 0 else 0.0


def ranks(x):
    """Ranks from 1; equal values share the mean of theirs."""
    _, group, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[group]


def metrics_of(names, regression):
    def compute(prediction):
        y = np.asarray(prediction.label_ids, dtype=np.float64)
        logits = np.asarray(prediction.predictions, dtype=np.float64)
        x = logits[:, 0] if regression else logits.argmax(-1)
        hits = int(((x == 1) & (y == 1)).sum())
        wrong = int(((x == 1) != (y == 1)).sum())
        known = {
            "accuracy": lambda: float((x == y).mean()),
            "f1": lambda: 2 * hits / max(1, 2 * hits + wrong),
            "matthews": lambda: pearson((x == 1).astype(float), (y == 1).astype(float)),
            "pearson": lambda: pearson(x, y),
            "spearman": lambda: pearson(ranks(x), ranks(y)),
        }
        return {name: known[name]() for name in names}

    return compute


def schedule_of(settings, steps):
    """The factor of the learning rate at each step, from 0."""
    warmup = settings["warmup"]
    rising = math.floor(warmup * steps if warmup < 1 else warmup)

    def factor(step):
        if step < rising:
            return (step + 1) / rising
        done = min(1.0, (step - rising) / max(1, steps - rising))
        shape = settings["schedule"]
        if shape == "linear":
            return 1 - done
        return 1.0 if shape == "constant" else (1 + math.cos(math.pi * done)) / 2

    return factor


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--folder", default=here, help="where options.json and the rows are")
    parser.add_argument("--base", help="a folder or a name on the Hub, instead of the one exported")
    parser.add_argument("--output", help="the adapter folder to write, instead of OUT's name here")
    parser.add_argument("--push", metavar="ORG/NAME", help="upload it to a private Hub repository")
    parser.add_argument("--logging-steps", type=int, default=20, help="steps between losses shown")
    return parser.parse_args()


def main():
    given = arguments()
    at = lambda name: os.path.join(given.folder, name)
    with open(at("options.json"), encoding="utf-8") as file:
        options = json.load(file)
    with open(at("adapter_config.json"), encoding="utf-8") as file:
        config = json.load(file)
    settings, base = options["settings"], given.base or options["base"]
    given.output = given.output or options["output"]
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    if settings["batch"] % processes:
        raise SystemExit(f"A batch of {settings['batch']} rows cannot be split {processes} ways")

    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = lambda name: list(read_rows(at(name), tokenizer, options["maxLength"]))
    judged = rows("eval.jsonl") if os.path.exists(at("eval.jsonl")) else None
    torch.manual_seed(settings["seed"])
    model = Adapted(base, options, config, load_file(at("adapter_model.safetensors")))
    decays = lambda parameter: settings["decayAll"] or parameter.ndim > 1
    trained = [parameter for _, parameter in model.names()]
    groups = [
        {"params": [p for p in trained if decays(p)], "weight_decay": settings["weightDecay"]},
        {"params": [p for p in trained if not decays(p)], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=settings["learningRate"])
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, schedule_of(settings, options["steps"])
    )
    best = KeepBest(model, options)
    mergeable = settings["recipe"] == "mergeable"
    trainer = AdapterTrainer(
        model=model,
        args=TrainingArguments(
            output_dir=f"{given.output}-run",
            max_steps=options["steps"],
            per_device_train_batch_size=settings["batch"] // processes,
            per_device_eval_batch_size=EVAL_BATCH,
            max_grad_norm=settings["clip"],
            eval_strategy="no" if judged is None else "steps",
            eval_steps=options["evalEvery"],
            save_strategy="no",
            logging_steps=given.logging_steps,
            seed=settings["seed"],
            label_names=["labels"],
            remove_unused_columns=False,
            report_to=[],
            # Several processes find each other on processors only when told that there is no GPU.
            use_cpu=not torch.accelerator.is_available(),
        ),
        train_dataset=rows("train.jsonl"),
        eval_dataset=judged,
        data_collator=DataCollatorWithPadding(tokenizer),
        optimizers=(optimizer, schedule),
        compute_metrics=metrics_of(
            [options["metric"], *options["alsoReport"]], model.regression
        ),
        callbacks=[best, StopAtNaN(), *([DrawTogether(model)] if mergeable else [])],
    )
    trainer.train()
    if judged is not None and trainer.state.global_step % options["evalEvery"]:
        trainer.evaluate()
    if trainer.is_world_process_zero():
        write(model, best, trainer, given, at)


def write(model, best, trainer, given, at):
    os.makedirs(given.output, exist_ok=True)
    values = model.values() if best.values is None else best.values
    target = os.path.join(given.output, "adapter_model.safetensors")
    save_file(values, target, metadata={"format": "pt"})
    shutil.copyfile(at("adapter_config.json"), os.path.join(given.output, "adapter_config.json"))
    state = trainer.state
    losses = [{"step": entry["step"], "loss": entry["loss"]} for entry in state.log_history if "loss" in entry]
    kept = None if best.step is None else {"step": best.step, best.metric[5:]: best.value}
    print(json.dumps({"steps": state.global_step, "kept": kept, "losses": losses}))
    if given.push is not None:
        from huggingface_hub import HfApi

        HfApi().create_repo(given.push, private=True, exist_ok=True)
        HfApi().upload_folder(repo_id=given.push, folder_path=given.output)


if __name__ == "__main__":
    main()
