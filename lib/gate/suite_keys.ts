/**
 * The keys of a check in tinygraft.yaml, as one table: the reader and the JSON Schema for editors
 * derive from it. A key is spelt as the flag of `check` that does the same.
 *
 * @module
 */

import { TASKS } from "../text/tasks.ts";

/** What a key's value may be. */
export type SuiteValue = string | number | boolean;

/** One key of a check. */
export interface SuiteKey {
  /** Its name, and the flag's. */
  readonly name: string;
  /**
   * What its value is: a `path` is a file, a folder or an address, and is relative to the folder of
   * tinygraft.yaml; a `column` is a name or a 0-based number.
   */
  readonly kind: "path" | "string" | "column" | "number" | "integer" | "boolean";
  /** The only values it takes. */
  readonly choices?: readonly string[];
  /** The least value of a number. */
  readonly min?: number;
  /** The largest value of a number. */
  readonly max?: number;
  /** Whether every check must have it, by itself or from the defaults. */
  readonly required?: true;
  /** Another key without which this one means nothing. */
  readonly needs?: string;
  /** One line for people. */
  readonly help: string;
}

/** Every key that a check and the defaults take; a check has its `name` beside them. */
export const SUITE_KEYS: readonly SuiteKey[] = [
  { name: "base", kind: "path", required: true, help: "the base checkpoint, or hf://org/name" },
  { name: "before", kind: "path", required: true, help: "the adapter before the merge" },
  { name: "after", kind: "path", required: true, help: "the adapter after the merge" },
  {
    name: "data",
    kind: "path",
    required: true,
    help: "labelled rows: .tsv, .csv, .jsonl, .parquet, or hf://datasets/org/name/config:split",
  },
  {
    name: "task",
    kind: "string",
    choices: TASKS.map(({ name }) => name),
    help: "the columns and the metric of a known task",
  },
  { name: "text", kind: "column", help: "column of the text: name or 0-based" },
  { name: "text-pair", kind: "column", help: "column of the second text" },
  { name: "label", kind: "column", help: "column of the label" },
  { name: "limit", kind: "integer", min: 1, help: "take only the first N rows" },
  {
    name: "max-drop",
    kind: "number",
    min: 0,
    max: 1,
    help: "largest drop of the metric that passes, as a fraction (0.01 by default)",
  },
  {
    name: "max-drop-upper",
    kind: "number",
    min: 0,
    max: 2,
    help: "largest upper end of the drop's 95 % interval that passes, as a fraction",
  },
  {
    name: "baseline",
    kind: "path",
    help: "what an earlier check printed with --json: the metric after must not fall below it",
  },
  {
    name: "max-regression",
    kind: "number",
    min: 0,
    max: 1,
    needs: "baseline",
    help: "how far the metric after may fall below the baseline's, as a fraction (0 by default)",
  },
  {
    name: "head",
    kind: "string",
    choices: ["adapter", "base"],
    help: "adapter: its classifier; base: the head that the base was fine-tuned with",
  },
  {
    name: "cloze",
    kind: "string",
    needs: "verbalizer",
    help: "ask the base's head for masked tokens: {text}, {pair}, [MASK], || splits a pair",
  },
  {
    name: "verbalizer",
    kind: "string",
    needs: "cloze",
    help: "the words that answer cloze, in the labels' order: yes,no,maybe",
  },
  {
    name: "device",
    kind: "string",
    choices: ["auto", "webgpu", "wasm", "reference"],
    help: "webgpu, wasm, reference (slow), or auto: a GPU, else wasm",
  },
  {
    name: "precision",
    kind: "string",
    choices: ["f32", "f16"],
    help: "f32, or f16 on GPUs that have it; its error is measured and told",
  },
  { name: "batch", kind: "integer", min: 1, help: "most rows in a batch" },
  {
    name: "max-length",
    kind: "integer",
    min: 3,
    help: "tokens of a row at most, longest-first truncation (128 by default)",
  },
  {
    name: "force",
    kind: "boolean",
    help: "accept an adapter made for a base with other tensor content",
  },
];

/** The format's version, which a suite must state. */
export const SUITE_VERSION = 1;

/** Keys of the file itself. */
export const SUITE_SECTIONS = ["version", "defaults", "checks"] as const;

/**
 * Says what a key's value has to be.
 *
 * @param key The key.
 * @returns For example `a number, at least 0, at most 1`.
 */
export function expectedValue({ kind, choices, min, max }: SuiteKey): string {
  if (choices !== undefined) return `one of ${choices.join(", ")}`;
  const least = min === undefined ? "" : `, at least ${min}`;
  const most = max === undefined ? "" : `, at most ${max}`;
  return `${KINDS[kind]}${least}${most}`;
}

const KINDS: Readonly<Record<SuiteKey["kind"], string>> = {
  path: "a path or an address",
  string: "text",
  column: "a column's name or 0-based number",
  number: "a number",
  integer: "a whole number",
  boolean: "true or false",
};
