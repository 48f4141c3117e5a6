/**
 * The flags of `merge` and `soup` that say what to measure on.
 *
 * @module
 */

import type { EvidenceOptions } from "../lib/eval/measured_merge.ts";
import { UsageError } from "../lib/errors.ts";
import { CALIBRATION_ROWS } from "../lib/merge/method_names.ts";
import type { Invocation } from "./command.ts";
import { type Flag, type FlagValues, WRITING_FLAGS } from "./flags.ts";
import { localData } from "./data_location.ts";
import { localModel } from "./remote.ts";
import { DATA_FLAGS, RUN_FLAGS, runOptions } from "./run_flags.ts";

/** The base and labelled rows. */
export const BASE_FLAGS: readonly Flag[] = [
  { name: "base", kind: "string", value: "BASE", help: "the base to measure on" },
  {
    name: "data",
    kind: "string",
    value: "FILE",
    help: "labelled rows that judge, or hf://datasets/…: the metric before and after",
  },
];

/** Text that merging is fitted to. */
export const CALIBRATION_FLAGS: readonly Flag[] = [
  {
    name: "calibrate",
    kind: "string",
    value: "FILE",
    help: "text to fit to: for product, distil and groups; labels are not looked at",
  },
  {
    name: "calibration-rows",
    kind: "integer",
    min: 1,
    default: CALIBRATION_ROWS,
    help: "rows of it to use, taken evenly",
  },
];

/** How rows are read and run, and how the output is written. */
export const EVIDENCE_RUN_FLAGS: readonly Flag[] = [
  ...DATA_FLAGS,
  ...RUN_FLAGS.filter(({ name }) => name !== "force"),
  ...WRITING_FLAGS.map((flag): Flag =>
    flag.name === "force"
      ? { ...flag, help: "replace an existing output, accept bases of other tensor content" }
      : flag
  ),
];

/** What was asked to be measured. */
export interface EvidenceRequest {
  /** The options of the library. */
  readonly options: EvidenceOptions;
  /** Paths that are read beside the adapters, for the check that no output is one of them. */
  readonly inputs: readonly string[];
}

/**
 * Reads the flags of this table.
 *
 * @param invocation The call.
 * @returns What to measure; `undefined` where nothing was asked.
 * @throws {UsageError} for files without a base, a base without files, and for flags of a run where
 * there is none.
 * @throws {TinygraftError} as `pull` does for a base on the Hub.
 */
export async function evidenceRequest(
  invocation: Invocation,
): Promise<EvidenceRequest | undefined> {
  const { flags, progress } = invocation;
  const base = flags.string("base");
  const data = flags.string("data");
  const calibrate = optional(flags, "calibrate");
  const file = data ?? calibrate;
  if (base === undefined && file !== undefined) {
    throw new UsageError(
      `Cannot run "${file}": there is no base, expected the model that the adapter was made for: ` +
        "give --base",
    );
  }
  if (base === undefined || file === undefined) {
    refuseUnused(flags, base === undefined ? RUN_ONLY : [...RUN_ONLY, "base"]);
    return undefined;
  }
  if (data === undefined) refuseUnused(flags, ["label", "limit"]);
  if (calibrate === undefined) refuseUnused(flags, ["calibration-rows"]);
  const run = runOptions(invocation, "Checking", file);
  const local = await localModel(invocation, base);
  const rows = data && await localData(invocation, data, "validation");
  const text = calibrate && await localData(invocation, calibrate, "train");
  const options: EvidenceOptions = {
    ...run,
    base: local,
    data: rows,
    calibrate: text,
    calibrationRows: calibrate === undefined ? undefined : flags.number("calibration-rows"),
    onProgress: (done, total, label) => progress.update(done, total, label, "rows"),
  };
  return { options, inputs: [local, rows, text].filter((path) => path !== undefined) };
}

/** Flags that only a run takes. */
const RUN_ONLY = [...CALIBRATION_FLAGS, ...EVIDENCE_RUN_FLAGS]
  .map(({ name }) => name)
  .filter((name) => !WRITING_FLAGS.some((flag) => flag.name === name));

const UNUSED: ReadonlyMap<string, string> = new Map([
  ["base", "there is no file to run it on, expected --data with it: give both, or neither"],
  [
    "calibration-rows",
    "nothing is fitted to text, expected --calibrate with it: give both, or neither",
  ],
]);

const UNUSED_OTHERWISE =
  "there are no rows to run, expected --base and --data with it: give all, or none";

/** A flag that one of the two commands does not have. */
function optional(flags: FlagValues, name: string): string | undefined {
  return flags.given(name) ? flags.string(name) : undefined;
}

function refuseUnused(flags: FlagValues, names: readonly string[]): void {
  const unused = names.find((name) => flags.given(name));
  if (unused === undefined) return;
  throw new UsageError(`Cannot use --${unused} here: ${UNUSED.get(unused) ?? UNUSED_OTHERWISE}`);
}
