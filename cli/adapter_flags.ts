/**
 * The flags that describe a new adapter, shared by `init` and `inject`.
 *
 * @module
 */

import type { InitOptions } from "../lib/adapter/init.ts";
import {
  DEFAULT_PLACEMENT,
  findPlacement,
  type Placement,
  PLACEMENT_NAMES,
  PLACEMENTS,
} from "../lib/adapter/placement.ts";
import { UsageError } from "../lib/errors.ts";

import type { Flag, FlagValues } from "./flags.ts";

/** The flags that say what a classifier decides. */
export const TASK_FLAGS: readonly Flag[] = [
  { name: "labels", kind: "string", value: "A,B,…", help: "class names in classifier order" },
  { name: "num-labels", kind: "integer", min: 1, help: "number of classes, without names" },
  { name: "regression", kind: "boolean", help: "one output, a score" },
];

const AUTHORS_NAMES = PLACEMENT_NAMES.map((name) => PLACEMENTS[name].authors);

/** What the flag may be: a place, or the authors' name for it. */
export const PLACEMENT_CHOICES: readonly string[] = [...PLACEMENT_NAMES, ...AUTHORS_NAMES];

/** The flag that says where in a layer modules stand. */
export const PLACEMENT_FLAG: Flag = {
  name: "placement",
  kind: "string",
  value: "PLACE",
  choices: PLACEMENT_CHOICES,
  default: DEFAULT_PLACEMENT,
  help: `where in a layer, as above, or ${AUTHORS_NAMES.join(", ")}`,
};

/** What the places mean, for descriptions. */
export const PLACEMENT_HELP: string =
  "The places of --placement: x is what a layer reads, A and FF are its attention and " +
  "feed-forward\nblocks with residual and LayerNorm, t is what the heads add. None can be turned " +
  "into another.\n\n" +
  PLACEMENT_NAMES.map((name) => {
    const { authors, formula } = PLACEMENTS[name];
    return `  ${name.padEnd(22)}${authors}  ${formula}`;
  }).join("\n");

/** Reads the flag that says where in a layer modules stand. */
export function placementOf(flags: FlagValues): Placement {
  return findPlacement(flags.required("placement")) ?? DEFAULT_PLACEMENT;
}

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
  PLACEMENT_FLAG,
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
    placement: placementOf(flags),
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
