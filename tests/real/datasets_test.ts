import { assertEquals } from "@std/assert";
import { parseDataset, type Row } from "../../lib/text/dataset.ts";
import { labelIndices, labelValues } from "../../lib/text/labels.ts";
import { findTask } from "../../lib/text/tasks.ts";
import { sharedPath } from "../_shared.ts";

// Rows of each file, as counted by its lines: folder, task, rows by file.
const FILES: readonly [folder: string, task: string, rows: Readonly<Record<string, number>>][] = [
  ["glue/SST-2", "SST-2", { "train.tsv": 67_349, "dev.tsv": 872 }],
  ["glue/CoLA", "CoLA", { "train.tsv": 8_551, "dev.tsv": 1_043 }],
  ["glue/MRPC", "MRPC", { "train.tsv": 3_667, "dev.tsv": 408 }],
  ["glue/RTE", "RTE", { "train.tsv": 2_490, "dev.tsv": 277 }],
  ["glue/STS-B", "STS-B", { "train.tsv": 5_749, "dev.tsv": 1_500 }],
  ["glue/WNLI", "WNLI", { "train.tsv": 635, "dev.tsv": 71 }],
  ["glue/QNLI", "QNLI", { "train.tsv": 8_999, "dev.tsv": 5_463 }],
  ["glue/QQP", "QQP", { "train.tsv": 8_999, "dev.tsv": 1_000 }],
  ["glue/MNLI", "MNLI", { "train.tsv": 8_999, "dev.tsv": 1_000 }],
  ["fewglue/BoolQ", "BoolQ", { "train.jsonl": 32, "dev32.jsonl": 32, "val.jsonl": 3_270 }],
  ["fewglue/CB", "CB", { "train.jsonl": 32, "dev32.jsonl": 32, "val.jsonl": 56 }],
  ["fewglue/RTE", "RTE", { "train.jsonl": 32, "dev32.jsonl": 32, "val.jsonl": 277 }],
];

/** How many rows of the data set have each class, or its least and greatest number. */
function summary(rows: readonly Row[], taskName: string, path: string): number[] {
  const task = findTask(taskName);
  if (task.labels === null) {
    const values = labelValues(rows, { path });
    return [Math.min(...values), Math.max(...values)];
  }
  const indices = labelIndices(rows, task.labels, { path, task });
  return task.labels.map((_, label) => indices.filter((index) => index === label).length);
}

/** Reads a file of the shared data; undefined where there is none. */
function readShared(name: string, taskName: string): Row[] | undefined {
  const path = sharedPath(`data/${name}`);
  if (path === undefined) return undefined;
  const options = { path, task: findTask(taskName), requireLabel: true };
  return parseDataset(Deno.readTextFileSync(path), options);
}

for (const [folder, taskName, files] of FILES) {
  Deno.test(`parseDataset() reads every row of ${folder}`, () => {
    const { columns } = findTask(taskName);
    for (const [file, count] of Object.entries(files)) {
      const rows = readShared(`${folder}/${file}`, taskName);
      if (rows === undefined) return;
      assertEquals(rows.length, count, file);
      const isPair = columns.textPair !== undefined;
      for (const { text, pair, line } of rows) {
        const isWhole = text !== "" && (pair !== undefined) === isPair && pair !== "";
        assertEquals(isWhole, true, `${folder}/${file} line ${line}`);
      }
      summary(rows, taskName, file);
    }
  });
}

Deno.test("labelIndices() finds the classes of GLUE in their known numbers", () => {
  // Class counts of the published dev sets, in class order.
  const known: [file: string, task: string, counts: number[]][] = [
    ["glue/SST-2/dev.tsv", "sst2", [428, 444]],
    ["glue/CoLA/dev.tsv", "cola", [322, 721]],
    ["glue/MRPC/dev.tsv", "mrpc", [129, 279]],
    ["glue/RTE/dev.tsv", "rte", [146, 131]],
    ["glue/WNLI/dev.tsv", "wnli", [40, 31]],
    ["glue/STS-B/dev.tsv", "stsb", [0, 5]],
    ["fewglue/BoolQ/val.jsonl", "boolq", [1237, 2033]],
    ["fewglue/CB/val.jsonl", "cb", [23, 28, 5]],
  ];
  for (const [file, task, counts] of known) {
    const rows = readShared(file, task);
    if (rows === undefined) return;
    assertEquals(summary(rows, task, file), counts, file);
  }
});
