// Runs of checks as data, without a model.

import { type CheckRecord, type CheckRun, predictionsOf } from "../../lib/eval/check_record.ts";
import { shardRows } from "../../lib/eval/shards.ts";
import { noise } from "../_noise.ts";

/** A run of three classes over some rows, all of them; the same for the same number. */
export function wholeRun(rows: number): CheckRun {
  const logits = (seed: number) => ({ logits: noise(rows * 3, { seed }), rows, cols: 3 });
  return {
    record: recordOf({ rows, shard: { index: 1, count: 1 }, tokens: 2 * rows }),
    indices: Array.from({ length: rows }, (_, row) => row),
    targets: Uint32Array.from({ length: rows }, (_, row) => row % 3),
    before: logits(1),
    after: logits(2),
  };
}

/** What such a run says of itself. */
export function recordOf(changes: Partial<CheckRecord> = {}): CheckRecord {
  return {
    format: 1,
    tinygraft: "0.1.0",
    shard: { index: 1, count: 1 },
    rows: 1,
    tokens: 2,
    inputs: { base: "b", before: "x", after: "y", data: "d", settings: "s" },
    settings: {
      ...{ task: null, text: null, textPair: null, label: null, limit: null },
      ...{ maxLength: 128, precision: "f32", head: { kind: "adapter" } },
    },
    metric: "accuracy",
    alsoReport: [],
    outputs: { type: "classification", labels: ["a", "b", "c"] },
    device: "wasm",
    deviceDescription: "WebAssembly",
    ...changes,
  };
}

/** One shard of a run of all rows. */
export function shardOf(run: CheckRun, index: number, count: number): CheckRun {
  const indices = shardRows(run.record.rows, { index, count });
  const pick = ({ logits, cols }: CheckRun["before"]) => ({
    logits: Float32Array.from(
      indices.flatMap((row) => [...logits.subarray(row * cols, (row + 1) * cols)]),
    ),
    rows: indices.length,
    cols,
  });
  return {
    record: { ...run.record, shard: { index, count }, tokens: 2 * indices.length },
    indices,
    targets: Uint32Array.from(indices, (row) => run.targets[row]!),
    before: pick(run.before),
    after: pick(run.after),
  };
}

/** The text that `--predictions` would write. */
export function textOf(run: CheckRun): string {
  return [...predictionsOf(run)].map((row) => `${JSON.stringify(row)}\n`).join("");
}
