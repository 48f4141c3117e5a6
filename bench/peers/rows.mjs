// GLUE rows and batches for the peers that Node runs: sorted by length, padded within a batch.

import { readFileSync } from "node:fs";

const BATCH = 32;
const COLUMNS = { sst2: [0, undefined, 1], mrpc: [3, 4, 0] };

/** Rows of an original GLUE file, shortest first; quotes are text. */
export function readRows(path, task) {
  const [text, pair, label] = COLUMNS[task];
  const lines = readFileSync(path, "utf8").replace(/^\ufeff/, "").split("\n").slice(1);
  return lines.filter((line) => line !== "").map((line) => {
    const fields = line.replace(/\r$/, "").split("\t");
    const second = pair === undefined ? undefined : fields[pair];
    return { text: fields[text], pair: second, label: Number(fields[label]) };
  }).sort((a, b) => length(a) - length(b));
}

function length({ text, pair = "" }) {
  return text.length + pair.length;
}

/** Tokenised batches: `labels` and the tokenizer's int64 tensors. */
export function makeBatches(tokenizer, rows) {
  const batches = [];
  for (let start = 0; start < rows.length; start += BATCH) {
    const part = rows.slice(start, start + BATCH);
    const inputs = tokenizer(part.map(({ text }) => text), {
      text_pair: part[0].pair === undefined ? null : part.map(({ pair }) => pair),
      padding: true,
      truncation: true,
      max_length: 128,
    });
    batches.push({ labels: part.map(({ label }) => label), inputs });
  }
  return batches;
}

/** How many rows of `logits` `[labels.length, classes]` are largest at the row's label. */
export function countCorrect(logits, labels) {
  const classes = logits.length / labels.length;
  return labels.filter((label, row) => {
    const scores = [...logits.slice(row * classes, (row + 1) * classes)];
    return scores.indexOf(Math.max(...scores)) === label;
  }).length;
}
