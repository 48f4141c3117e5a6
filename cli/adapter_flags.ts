/**
 * The flags that describe a new adapter, shared by `init` and `inject`.
 *
 * @module
 */

import type { InitOptions } from "../lib/adapter/init.ts";
import { UsageError } from "../lib/errors.ts";

import type { Flag, FlagValues } from "./flags.ts";

/** The flags that say what a classifier decides. */
export const TASK_FLAGS: readonly Flag[] = [
  { name: "labels", kind: "string", value: "A,B,…", help: "class names in classifier order" },
  { name: "num-labels", kind: "integer", min: 1, help: "number of classes, without names" },
  { name: "regression", kind: "boolean", help: "one output, a score" },
];

/** The flags of a new adapter. */
export const INIT_FLAGS: readonly Flag[] = [
  { name: "heads", kind: "integer", min: 1, max: 4096, default: 4, help: "heads of each layer" },
  { name: "head-dim", kind: "integer", min: 1, max: 4096, default: 1, help: "width of a head" },
  {
    name: "combine",
    kind: "string",
    choices: ["sum", "mean"],
    default: "sum",
    help: "how the heads are added up",
  },
  ...TASK_FLAGS,
  { name: "shared-init", kind: "boolean", help: "start every head with the first one's weights" },
  { name: "seed", kind: "integer", min: 0, max: 0xffffffff, default: 0, help: "random seed" },
];

/**
 * Reads the flags of a new adapter.
 *
 * @throws {UsageError} unless exactly one of `--labels`, `--num-labels`, `--regression` is given,
 * and for a single class.
 */
export function initOptions(flags: FlagValues, baseName: string | undefined): InitOptions {
  return {
    ...(baseName === undefined ? {} : { baseName }),
    heads: flags.number("heads")!,
    headDim: flags.number("head-dim")!,
    combine: flags.required("combine") === "mean" ? "mean" : "sum",
    ...taskOptions(flags),
    sharedInit: flags.boolean("shared-init"),
    seed: flags.number("seed")!,
  };
}

/**
 * Reads the flags that say what a classifier decides.
 *
 * @throws {UsageError} unless exactly one of `--labels`, `--num-labels`, `--regression` is given.
 */
export function taskOptions(flags: FlagValues): Pick<InitOptions, "task" | "numLabels"> {
  const given = ["labels", "num-labels", "regression"].filter((name) => flags.has(name));
  if (given.length !== 1) {
    throw new UsageError(
      "Cannot tell the classifier's outputs: give one of --labels A,B, --num-labels N or " +
        `--regression, found ${given.length === 0 ? "none" : given.map((n) => `--${n}`).join(" ")}`,
    );
  }
  const labels = parseLabels(flags.string("labels"));
  const regression = flags.boolean("regression");
  const numLabels = regression ? 1 : labels?.length ?? flags.number("num-labels")!;
  if (!regression && numLabels < 2) {
    throw new UsageError(
      "Cannot make a classifier of one class: it would give every text the same label, expected " +
        "two classes or more: use --regression for a score",
    );
  }
  return {
    task: { type: regression ? "regression" : "classification", labels },
    numLabels,
  };
}

function parseLabels(text: string | undefined): readonly string[] | null {
  if (text === undefined) return null;
  const labels = text.split(",").map((label) => label.trim());
  if (labels.some((label) => label === "") || new Set(labels).size !== labels.length) {
    throw new UsageError(
      `Bad value "${text}" of --labels: expected different, non-empty names with commas between`,
    );
  }
  return labels;
}
