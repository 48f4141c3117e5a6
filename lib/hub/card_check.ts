/**
 * The result of a check, as `tinygraft check --json` prints it, read back for a card.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { objectOf } from "../safetensors/json_objects.ts";

/** What a card takes of a check. */
export interface CheckFacts {
  /** Rows compared. */
  readonly examples: number;
  /** The metric that the drop is about. */
  readonly metric: string;
  /** Metrics before, as fractions. */
  readonly before: Readonly<Record<string, number>>;
  /** Metrics after. */
  readonly after: Readonly<Record<string, number>>;
  /** Before minus after. */
  readonly drop: number;
  /** The 95 % interval of the drop. */
  readonly interval: readonly [low: number, high: number] | undefined;
  /** McNemar's exact p. */
  readonly p: number | undefined;
  /** Share of rows with the same prediction, or the outputs' correlation. */
  readonly agreement: number | undefined;
}

/**
 * Reads a check's JSON.
 *
 * @param json The parsed document.
 * @param path The file, for messages.
 * @returns The facts.
 * @throws {TinygraftError} with `invalid-json` when it is no result of a check.
 */
export function readCheck(json: Readonly<Record<string, unknown>>, path: string): CheckFacts {
  const fail = (key: string) => {
    throw new TinygraftError(
      `Cannot read "${path}": it has no usable "${key}", expected what tinygraft check --json ` +
        "prints: run the check again",
      { code: "invalid-json", path },
    );
  };
  const number = (key: string): number => {
    const value = json[key];
    return typeof value === "number" && Number.isFinite(value) ? value : fail(key);
  };
  const metrics = (key: string): Record<string, number> => {
    const values = objectOf(objectOf(json[key])["metrics"]);
    const entries = Object.entries(values).filter((entry): entry is [string, number] =>
      typeof entry[1] === "number" && Number.isFinite(entry[1])
    );
    return entries.length > 0 ? Object.fromEntries(entries) : fail(key);
  };
  const metric = json["metric"];
  const significance = objectOf(json["significance"]);
  const p = objectOf(significance["mcnemar"])["p"];
  const { agreement } = json;
  return {
    examples: number("examples"),
    metric: typeof metric === "string" ? metric : fail("metric"),
    before: metrics("before"),
    after: metrics("after"),
    drop: number("drop"),
    interval: intervalOf(significance["interval"]),
    p: typeof p === "number" ? p : undefined,
    agreement: typeof agreement === "number" ? agreement : undefined,
  };
}

function intervalOf(value: unknown): [number, number] | undefined {
  const [low, high] = Array.isArray(value) ? value : [];
  return typeof low === "number" && typeof high === "number" ? [low, high] : undefined;
}
