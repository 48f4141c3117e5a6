/**
 * What a base's own head for sequence classification decides, as its config.json says it.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";

/** What a head decides. */
export interface HeadTask {
  /** `regression` has one output. */
  readonly type: "classification" | "regression";
  /** Labels in the order of the head's rows; `null` where they have no names. */
  readonly labels: readonly string[] | null;
}

/** What transformers calls labels that nobody named. */
const UNNAMED = /^LABEL_\d+$/;

/**
 * Reads the labels of a base's own head: `id2label` and `problem_type` of its config.json.
 *
 * @param json The parsed config.json.
 * @param outputs Rows of the head's last layer.
 * @param path The checkpoint, for messages.
 * @returns The labels, without names where they are only numbered; one output is a regression.
 * @throws {TinygraftError} with code `invalid-config` for a head that gives several labels or
 * several scores, and for an `id2label` that does not name each output.
 *
 * @example The labels of a sentiment model
 * ```ts
 * import { readHeadTask } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const config = { id2label: { 0: "NEGATIVE", 1: "POSITIVE" } };
 * assertEquals(readHeadTask(config, 2, "sst2").labels, ["NEGATIVE", "POSITIVE"]);
 * ```
 */
export function readHeadTask(
  json: Readonly<Record<string, unknown>>,
  outputs: number,
  path: string,
): HeadTask {
  const { problem_type, id2label } = json;
  const kinds = outputs === 1 ? ["regression"] : ["single_label_classification"];
  if (problem_type !== undefined && problem_type !== null && !kinds.includes(`${problem_type}`)) {
    throw invalid(
      path,
      `"problem_type" is ${quote(String(problem_type))} with ${outputs} outputs, expected ` +
        `"${kinds[0]}": a row has one label or one score`,
    );
  }
  if (outputs === 1) return { type: "regression", labels: null };
  const names = readNames(id2label, outputs, path);
  const named = names !== null && !names.every((name) => UNNAMED.test(name));
  return { type: "classification", labels: named ? names : null };
}

function readNames(id2label: unknown, outputs: number, path: string): string[] | null {
  if (id2label === undefined || id2label === null) return null;
  const names = Array.from(
    { length: outputs },
    (_, i) => (id2label as Record<string, unknown>)[String(i)],
  );
  const whole = names.every((name) => typeof name === "string") &&
    Object.keys(id2label).length === outputs && new Set(names).size === outputs;
  if (whole) return names as string[];
  throw invalid(
    path,
    `"id2label" is ${
      JSON.stringify(id2label)
    }, expected ${outputs} different names, one for each ` +
      "output of the head",
  );
}

function invalid(path: string, found: string): TinygraftError {
  return new TinygraftError(
    `Cannot use the head of "${path}": in config.json ${found}: correct config.json`,
    { code: "invalid-config", path },
  );
}
