// The reports that are opened in a browser: one of each kind.

import { openAdapter } from "../../lib/adapter/open.ts";
import type { Comparison } from "../../lib/eval/compare.ts";
import { planMerge } from "../../lib/merge/merge_adapter.ts";
import { compareLayers } from "../../lib/report/check_layers.ts";
import { type CheckReportData, renderCheckReport } from "../../lib/report/check_report.ts";
import { renderMergeReport } from "../../lib/report/merge_report.ts";
import { renderTrainingReport } from "../../lib/report/training_report.ts";
import { noise } from "../_noise.ts";
import { checkOf } from "../report/_check.ts";
import { runOf, trainingOf } from "../report/_training.ts";

const ADAPTER = "fixtures/mini/adapter";
const COMMAND = "tinygraft check base --before four-heads --after one-head --data dev.tsv";
const ENVIRONMENT = [["tinygraft", "0.0.0"], ["device", "none"]] as const;
const ROWS = 200;

/** Texts of which each is found by a word of its own. */
export function textsOf(rows: number): string[] {
  const things = ["Zürich", "refund", "card", "transfer"];
  return Array.from({ length: rows }, (_, i) => `Question ${i} about my ${things[i % 4]}, please`);
}

/** A check of noisy outputs for a classification. */
export async function classCheck(changes: Partial<CheckReportData> = {}): Promise<string> {
  const before = noise(ROWS * 3, { seed: 1, scale: 2 });
  const after = before.map((value, i) => value + noise(1, { seed: i, scale: 1.5 })[0]!);
  const targets = Uint32Array.from({ length: ROWS }, (_, row) => row % 3);
  const task = { type: "classification", labels: ["no", "yes", "maybe"] } as const;
  const rows = textsOf(ROWS).map((text, i) => ({ text, line: i + 1 }));
  const layers = await compareLayers(ADAPTER, ADAPTER);
  const shown = { task, rows, layers, command: COMMAND, environment: ENVIRONMENT };
  return await renderCheckReport(checkOf(before, after, targets, { ...shown, ...changes }));
}

/** A check of many rows of pure noise, most of which flip. */
export async function largeCheck(rows: number): Promise<string> {
  const logits = (seed: number) => noise(rows * 3, { seed, scale: 2 });
  const targets = Uint32Array.from({ length: rows }, (_, row) => row % 3);
  const task = { type: "classification", labels: ["no", "yes", "maybe"] } as const;
  const texts = textsOf(rows).map((text, i) => ({ text, line: i + 1 }));
  const comparison: Comparison = {
    ...{ examples: rows, metric: "accuracy", before: { accuracy: 0.4 }, after: { accuracy: 0.3 } },
    ...{ drop: 0.1, agreement: 0.4, maxLogitDifference: 4 },
    significance: { interval: [0.09, 0.11] },
  };
  const shown = { task, rows: texts, comparison, command: COMMAND, environment: ENVIRONMENT };
  return await renderCheckReport(checkOf(logits(1), logits(2), targets, shown));
}

async function valueCheck(): Promise<string> {
  const targets = Float64Array.from(noise(ROWS, { seed: 1, scale: 2 }));
  const outputs = (seed: number) =>
    noise(ROWS, { seed, scale: 1 }).map((value, i) => value + targets[i]!);
  const rows = textsOf(ROWS).map((text, i) => ({ text, pair: "Another", line: i + 1 }));
  const shown = { rows, command: COMMAND, environment: ENVIRONMENT };
  return await renderCheckReport(checkOf(outputs(2), outputs(3), targets, shown));
}

async function merge(): Promise<string> {
  using adapter = await openAdapter(ADAPTER);
  return await renderMergeReport({
    merge: await planMerge(adapter, "one-head", { method: "average" }),
    advice: "averaging the heads costs most of what they do: ship stack",
    sources: [{ adapter: ADAPTER, heads: 4, weight: 1, contentHash: "0123456789abcdef" }],
    output: "one-head",
    command: "tinygraft merge fixtures/mini/adapter one-head --method average",
    environment: ENVIRONMENT,
  });
}

/** Makes one report of each kind. */
export async function allReports(): Promise<[name: string, markup: string][]> {
  return [
    ["check of classes", await classCheck()],
    ["check of values", await valueCheck()],
    ["merge", await merge()],
    ["training", await renderTrainingReport(trainingOf(runOf()))],
  ];
}
