/**
 * An earlier check as the mark that a later one must not fall below.
 *
 * @module
 */

import { DataError, TinygraftError } from "../errors.ts";
import { objectOf } from "../safetensors/json_objects.ts";

/** What is kept of an earlier check. */
export interface Baseline {
  /** The file, for messages. */
  readonly path: string;
  /** The metric that it was judged by. */
  readonly metric: string;
  /** That metric of the adapter after, as a fraction. */
  readonly value: number;
  /** Rows compared. */
  readonly examples: number;
  /** The task preset, if any. */
  readonly task: string | null;
  /** SHA-256 of the data file. */
  readonly data: string;
}

/** What a check is held against. */
export type BaselineFacts = Omit<Baseline, "path">;

/**
 * Reads the JSON of an earlier `check --json`, or one check of a `check --config --json`.
 *
 * @param json The parsed document.
 * @param path The file, for messages.
 * @param name Which of several checks; needed where there is more than one.
 * @returns What to hold a later check against.
 * @throws {TinygraftError} with `invalid-json` when it is no result of a check.
 *
 * @example The mark that an earlier check set
 * ```ts
 * import { parseBaseline } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const json = {
 *   ...{ metric: "accuracy", examples: 4, inputs: { data: "0".repeat(64) } },
 *   settings: { task: null },
 *   after: { metrics: { accuracy: 0.75 } },
 * };
 * assertEquals(parseBaseline(json, "check.json").value, 0.75);
 * ```
 */
export function parseBaseline(
  json: Readonly<Record<string, unknown>>,
  path: string,
  name?: string,
): Baseline {
  const check = oneCheck(json, path, name);
  const { metric, examples } = check;
  const { task } = objectOf(check["settings"]);
  const value = objectOf(objectOf(check["after"])["metrics"])[String(metric)];
  const data = objectOf(check["inputs"])["data"];
  const usable: Record<string, boolean> = {
    metric: typeof metric === "string",
    examples: typeof examples === "number",
    settings: task === null || typeof task === "string",
    after: typeof value === "number" && Number.isFinite(value),
    inputs: typeof data === "string",
  };
  const bad = Object.keys(usable).find((key) => !usable[key]);
  if (bad !== undefined) throw unusable(path, `it has no usable "${bad}"`);
  return {
    path,
    metric: metric as string,
    value: value as number,
    examples: examples as number,
    task: task as string | null,
    data: data as string,
  };
}

/**
 * Refuses a baseline that was measured on something else.
 *
 * @param baseline The baseline.
 * @param check What is to be held against it: what is known of it so far.
 * @throws {DataError} with code `baseline-mismatch`.
 */
export function requireSameGround(baseline: Baseline, check: Partial<BaselineFacts>): void {
  const names = { data: "data file", task: "task", metric: "metric", examples: "number of rows" };
  for (const key of ["data", "task", "metric", "examples"] as const) {
    const found = check[key];
    if (found === undefined || found === baseline[key]) continue;
    throw new DataError(
      `Cannot compare with baseline "${baseline.path}": its ${names[key]} is ` +
        `${JSON.stringify(baseline[key])}, that of this check ${JSON.stringify(found)}, expected ` +
        "the same: make a new baseline with check --json",
      { code: "baseline-mismatch", path: baseline.path },
    );
  }
}

/** A document of several checks holds each under its name. */
function oneCheck(
  json: Readonly<Record<string, unknown>>,
  path: string,
  name: string | undefined,
): Readonly<Record<string, unknown>> {
  const checks = json["checks"];
  if (!Array.isArray(checks)) return json;
  const found = checks.map(objectOf).filter((check) =>
    name === undefined || check["name"] === name
  );
  if (found.length === 1) return found[0]!;
  const wanted = name === undefined ? "one check" : `a check called "${name}"`;
  throw unusable(path, `${found.length} of its ${checks.length} checks would do, not ${wanted}`);
}

function unusable(path: string, found: string): TinygraftError {
  return new TinygraftError(
    `Cannot read baseline "${path}": ${found}, expected what tinygraft check --json prints: make ` +
      "it again",
    { code: "invalid-json", path },
  );
}
