/**
 * Reading what `check --predictions` wrote.
 *
 * @module
 */

import { DataError } from "../errors.ts";
import { isObject } from "../safetensors/json_objects.ts";
import type { Metric } from "../text/tasks.ts";
import type { CheckInputs } from "./check_inputs.ts";
import { type CheckRecord, type CheckRun, RECORD_FORMAT } from "./check_record.ts";
import type { Outputs } from "./compare.ts";
import { type Shard, shardOfRow } from "./shards.ts";

const METRICS: Readonly<Record<Metric, true>> = {
  accuracy: true,
  f1: true,
  macroF1: true,
  matthews: true,
  pearson: true,
  spearman: true,
};

const INPUTS: readonly (keyof CheckInputs)[] = ["base", "before", "after", "data", "settings"];

/** Rows of a data set at most: a larger number comes of damage, and would fill the memory. */
const MAX_ROWS = 100_000_000;

/** One row as it is read. */
interface ReadRow {
  readonly index: number;
  readonly label: number;
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/** Throws an error that says what is wrong with a line. */
type Fail = (line: number, found: string) => never;

/**
 * Reads the predictions of a check or of one shard.
 *
 * @param text What `check --predictions` wrote: JSON Lines, one row each.
 * @param path The file, for messages.
 * @returns The run, with logits that are the same bits as those written.
 * @throws {DataError} with code `invalid-predictions`, naming file and line; `duplicate-rows` where
 * a row stands twice. Rows that are missing are not looked for.
 */
export function parsePredictions(text: string, path: string): CheckRun {
  const fail: Fail = (line, found) => {
    throw new DataError(
      `Cannot read "${path}" line ${line}: ${found}, expected what tinygraft check --predictions ` +
        "wrote: run the check again",
      { code: "invalid-predictions", path },
    );
  };
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  if (lines.length === 0) fail(1, "the file is empty");
  const parsed = lines.map((line, i) => parseLine(line, i + 1, fail));
  const record = parseRecord(parsed[0]!["check"], fail);
  const rows = parsed.map((json, i) => parseRow(json, i + 1, record, fail));
  const cols = [rows[0]!.before.length, rows[0]!.after.length] as const;
  for (const [i, { before, after }] of rows.entries()) {
    if (before.length !== cols[0] || after.length !== cols[1]) {
      fail(i + 1, `it has ${before.length} and ${after.length} logits, the first row ${cols}`);
    }
  }
  rows.sort((a, b) => a.index - b.index);
  const twice = rows.find(({ index }, i) => rows[i + 1]?.index === index);
  if (twice !== undefined) {
    throw new DataError(
      `Cannot read "${path}": row ${twice.index} stands in it twice, expected every row once: ` +
        "run the check again",
      { code: "duplicate-rows", path },
    );
  }
  const labels = rows.map(({ label }) => label);
  return {
    record,
    indices: rows.map(({ index }) => index),
    targets: record.outputs.type === "regression"
      ? Float64Array.from(labels)
      : Uint32Array.from(labels),
    before: outputsOf(rows.map(({ before }) => before), cols[0]),
    after: outputsOf(rows.map(({ after }) => after), cols[1]),
  };
}

function outputsOf(rows: readonly (readonly number[])[], cols: number): Outputs {
  const logits = new Float32Array(rows.length * cols);
  for (const [i, row] of rows.entries()) logits.set(row, i * cols);
  return { logits, rows: rows.length, cols };
}

function parseLine(text: string, line: number, fail: Fail): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    fail(line, `it is no JSON (${(error as Error).message})`);
  }
  return isObject(value) ? value : fail(line, "it is no JSON object");
}

function parseRow(
  { index, label, before, after }: Record<string, unknown>,
  line: number,
  { rows, shard, outputs }: CheckRecord,
  fail: Fail,
): ReadRow {
  const isRow = isCount(index) && index < rows && shardOfRow(index, shard.count) === shard.index;
  if (!isRow) fail(line, `"index" is ${JSON.stringify(index)}, no row of its shard`);
  const isLabel = outputs.type === "regression" ? Number.isFinite(label) : isCount(label);
  if (!isLabel) fail(line, `"label" is ${JSON.stringify(label)}`);
  return {
    index: index as number,
    label: label as number,
    before: parseLogits(before, "before", line, fail),
    after: parseLogits(after, "after", line, fail),
  };
}

function parseLogits(value: unknown, which: string, line: number, fail: Fail): readonly number[] {
  const logits = isObject(value) ? value["logits"] : undefined;
  const isUsable = Array.isArray(logits) && logits.length > 0 && logits.every(Number.isFinite);
  return isUsable ? logits as number[] : fail(line, `"${which}" has no usable "logits"`);
}

function parseRecord(value: unknown, fail: Fail): CheckRecord {
  if (!isObject(value)) return fail(1, 'the first row lacks "check", which says what was run');
  const { format, shard, rows, tokens, inputs, settings, metric, alsoReport, outputs } = value;
  if (format !== RECORD_FORMAT) {
    fail(
      1,
      `the form of "check" is ${JSON.stringify(format)}, this tinygraft has ${RECORD_FORMAT}`,
    );
  }
  const usable: Record<string, boolean> = {
    tinygraft: typeof value["tinygraft"] === "string",
    shard: isShard(shard),
    rows: isCount(rows) && rows > 0 && rows <= MAX_ROWS,
    tokens: isCount(tokens),
    inputs: isObject(inputs) && INPUTS.every((name) => typeof inputs[name] === "string"),
    settings: isObject(settings) && isObject(settings["head"]),
    metric: isMetric(metric),
    alsoReport: Array.isArray(alsoReport) && alsoReport.every(isMetric),
    outputs: isObject(outputs) &&
      (outputs["type"] === "classification" || outputs["type"] === "regression"),
    device: typeof value["device"] === "string",
    deviceDescription: typeof value["deviceDescription"] === "string",
  };
  const bad = Object.keys(usable).find((name) => !usable[name]);
  if (bad !== undefined) fail(1, `"check" has no usable "${bad}"`);
  return value as unknown as CheckRecord;
}

function isShard(value: unknown): value is Shard {
  if (!isObject(value)) return false;
  const { index, count } = value;
  return isCount(index) && isCount(count) && index >= 1 && index <= count;
}

function isMetric(value: unknown): value is Metric {
  return typeof value === "string" && Object.hasOwn(METRICS, value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}
