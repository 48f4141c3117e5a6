"""GLUE rows and batches for the peers: sorted by length, padded to the longest of the batch."""

from transformers import AutoTokenizer

BATCH = 32
COLUMNS = {"sst2": (0, None, 1), "mrpc": (3, 4, 0)}


def read_rows(path, task):
    """[(text, pair or None, label)] of an original GLUE file; quotes are text."""
    text, pair, label = COLUMNS[task]
    with open(path, encoding="utf-8-sig", newline="\n") as file:
        lines = [line.rstrip("\r\n").split("\t") for line in file][1:]
    return [(f[text], None if pair is None else f[pair], int(f[label])) for f in lines]


def batches(base, rows, tensors):
    """[(labels, inputs)]: inputs as `tensors` says, "pt" or "np"."""
    tokenizer = AutoTokenizer.from_pretrained(base)
    rows = sorted(rows, key=lambda row: len(row[0]) + len(row[1] or ""))
    made = []
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        pairs = None if part[0][1] is None else [row[1] for row in part]
        inputs = tokenizer(
            [row[0] for row in part],
            pairs,
            truncation=True,
            max_length=128,
            padding=True,
            return_tensors=tensors,
            return_token_type_ids=True,
        )
        made.append(([row[2] for row in part], dict(inputs)))
    return made
