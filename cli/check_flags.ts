/**
 * The flags of `check`, and which of them go together.
 *
 * @module
 */

import { readJsonFile } from "../lib/checkpoint/sources.ts";
import { UsageError } from "../lib/errors.ts";
import { parseBaseline } from "../lib/eval/baseline.ts";
import type { CheckLimits } from "../lib/eval/check_limits.ts";
import type { Flag, FlagValues } from "./flags.ts";
import { HEAD_FLAGS } from "./head_flags.ts";
import { REPORT_FLAG } from "./report.ts";
import { DATA_FLAGS, RUN_FLAGS } from "./run_flags.ts";

/** What is compared. */
const INPUT_FLAGS: readonly Flag[] = [
  { name: "before", kind: "string", value: "ADAPTER", help: "the adapter before the merge" },
  { name: "after", kind: "string", value: "ADAPTER", help: "the adapter after the merge" },
  {
    name: "data",
    kind: "string",
    value: "FILE",
    help: "labelled rows: .tsv, .csv, .jsonl, .parquet, or hf://datasets/org/name/config:split",
  },
];

/** What has to hold. */
const LIMIT_FLAGS: readonly Flag[] = [
  {
    name: "max-drop",
    kind: "number",
    min: 0,
    max: 1,
    default: 0.01,
    help: "largest drop of the metric that passes, as a fraction",
  },
  {
    name: "max-drop-upper",
    kind: "number",
    min: 0,
    max: 2,
    help: "also: largest upper end of the drop's 95 % interval that passes",
  },
  {
    name: "baseline",
    kind: "string",
    value: "FILE",
    help: "also: the metric after may not be below that of an earlier check --json",
  },
  {
    name: "max-regression",
    kind: "number",
    min: 0,
    max: 1,
    help: "how far below --baseline's it may be, as a fraction (default: 0)",
  },
];

/** How work is split, repeated and kept. */
const SPLIT_FLAGS: readonly Flag[] = [
  {
    name: "shard",
    kind: "string",
    value: "I/N",
    help: "run part I of N, from 1 to N, and judge nothing: needs --predictions",
  },
  {
    name: "combine",
    kind: "strings",
    value: "FILE...",
    help: "judge the predictions of all shards as one check",
  },
  { name: "config", kind: "string", value: "FILE", help: "run the checks of a tinygraft.yaml" },
  {
    name: "only",
    kind: "strings",
    value: "NAME",
    help: "of --config only this check (repeatable)",
  },
  { name: "no-cache", kind: "boolean", help: "evaluate again what is known from earlier" },
];

/** What is written. */
const OUTPUT_FLAGS: readonly Flag[] = [
  {
    name: "predictions",
    kind: "string",
    value: "FILE",
    help: "write every row's logits as JSON Lines; the first row says what was run",
  },
  REPORT_FLAG,
  { name: "junit", kind: "string", value: "FILE.xml", help: "write the outcome as JUnit XML" },
  { name: "summary", kind: "string", value: "FILE.md", help: "write the outcome as Markdown" },
];

/** All of them. */
export const CHECK_FLAGS: readonly Flag[] = [
  ...INPUT_FLAGS,
  ...LIMIT_FLAGS,
  ...DATA_FLAGS,
  ...HEAD_FLAGS,
  ...RUN_FLAGS.map((flag): Flag =>
    flag.name === "force"
      ? { ...flag, help: "replace outputs, accept an adapter made for other tensor content" }
      : flag
  ),
  ...SPLIT_FLAGS,
  ...OUTPUT_FLAGS,
];

/** The ways in which `check` is called. */
export type CheckMode = "one" | "shard" | "combine" | "config";

const namesOf = (flags: readonly Flag[]) => flags.map(({ name }) => name);
const HOW_TO_READ = namesOf([...DATA_FLAGS, ...HEAD_FLAGS]).filter((name) => name !== "task");
const HOW_TO_RUN = namesOf(RUN_FLAGS).filter((name) => name !== "force");

/** Flags that mean nothing in a mode, and why. */
const UNUSED: Readonly<Record<CheckMode, { readonly why: string; readonly names: string[] }>> = {
  one: { why: "it goes with --config", names: ["only"] },
  shard: {
    why: "a shard is not judged by itself: give it with --combine",
    names: [...namesOf(LIMIT_FLAGS), "only", "report", "junit", "summary"],
  },
  combine: {
    why: "the predictions say what was run",
    names: ["before", "after", ...HOW_TO_READ, ...HOW_TO_RUN, "only", "no-cache"],
  },
  config: {
    why: "with --config it stands in the file",
    names: [
      ...namesOf([...INPUT_FLAGS, ...LIMIT_FLAGS, ...DATA_FLAGS, ...HEAD_FLAGS]),
      ...["precision", "batch", "max-length", "predictions", "report"],
    ],
  },
};

/**
 * Finds out in which way `check` is called.
 *
 * @param flags The flags.
 * @param args What stands beside them.
 * @returns The way.
 * @throws {UsageError} for flags and arguments that do not go together.
 */
export function checkMode(flags: FlagValues, args: readonly string[]): CheckMode {
  const modes = (["shard", "combine", "config"] as const).filter((name) => flags.given(name));
  if (modes.length > 1) {
    throw new UsageError(`Cannot use --${modes[0]} with --${modes[1]}: give one of them`);
  }
  const [mode = "one"] = modes;
  const { why, names } = UNUSED[mode];
  const unused = names.find((name) => flags.given(name));
  if (unused !== undefined) throw new UsageError(`Cannot use --${unused} here: ${why}`);
  if (mode === "shard") flags.required("predictions");
  if (flags.given("max-regression") && !flags.given("baseline")) {
    throw new UsageError("Cannot use --max-regression alone: give --baseline with it");
  }
  if (mode === "combine" && flags.given("data") !== flags.given("report")) {
    throw new UsageError(
      "Cannot use one of --data and --report with --combine: a report shows the rows of the data, " +
        "and nothing else needs them: give both, or neither",
    );
  }
  if (mode !== "combine") requireArguments(args, mode === "config" ? 0 : 1);
  refuseSameOutput(flags);
  return mode;
}

function requireArguments(args: readonly string[], wanted: 0 | 1): void {
  if (args.length < wanted) {
    throw new UsageError(
      'Missing BASE of check: the base checkpoint, or hf://org/name; see "tinygraft help check"',
    );
  }
  if (args.length === wanted) return;
  throw new UsageError(
    `Unexpected argument "${args[wanted]}" of check: it takes ${wanted} here; ` +
      'see "tinygraft help check"',
  );
}

function refuseSameOutput(flags: FlagValues): void {
  const names = ["report", "predictions", "junit", "summary"].filter((name) => flags.given(name));
  for (const [i, name] of names.entries()) {
    const other = names.slice(i + 1).find((each) => flags.string(each) === flags.string(name));
    if (other === undefined) continue;
    throw new UsageError(
      `Cannot write "${flags.string(name)}" twice: --${name} and --${other} name the same file`,
    );
  }
}

/**
 * Reads what has to hold.
 *
 * @param flags The flags.
 * @param name Which check of a baseline that holds several.
 * @returns The limits; the baseline's file is read.
 * @throws {TinygraftError} when there is no such baseline, or it is no result of a check.
 */
export async function checkLimits(flags: FlagValues, name?: string): Promise<CheckLimits> {
  const path = flags.string("baseline");
  return {
    maxDrop: flags.number("max-drop")!,
    maxDropUpper: flags.number("max-drop-upper"),
    baseline: path === undefined ? undefined : parseBaseline(await readJsonFile(path), path, name),
    maxRegression: flags.number("max-regression"),
  };
}
