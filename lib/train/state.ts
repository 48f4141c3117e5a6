/**
 * The saved state of a run: one safetensors file beside the output, replaced as a whole, so that a
 * run that was killed finds either the state before or the state after.
 *
 * @module
 */

import { execute } from "../checkpoint/execute.ts";
import { removeTree } from "../checkpoint/leftovers.ts";
import { type Checkpoint, openCheckpoint, readFloats, readTensor } from "../checkpoint/open.ts";
import { outputTarget } from "../checkpoint/output.ts";
import type { TensorStep } from "../checkpoint/plan.ts";
import { statPath } from "../checkpoint/sources.ts";
import { TinygraftError } from "../errors.ts";
import { decodeFloats64, encodeFloats } from "../tensor/decode.ts";
import { quote } from "../tensor/quote.ts";
import type { EvaluationRecord } from "./options.ts";
import type { AdamW } from "./optimizer.ts";
import type { TensorValues, TrainableAdapter } from "./trainable.ts";

/** The version of the file's content; another one is refused. */
const STATE_VERSION = 1;

/** The metadata entry that holds what is no tensor. */
const STATE_KEY = "tinygraft_training_state";

/** Numbers kept of each step: loss, learning rate and norm of the gradient. */
const STEP_NUMBERS = 3;

/** What a state belongs to: a run goes on only where all of it is the same. */
export type Fingerprint = Readonly<Record<string, unknown>>;

/** What is kept of a step; its number and epoch follow from where it stands. */
export interface StepNumbers {
  /** The loss. */
  readonly loss: number;
  /** The learning rate. */
  readonly learningRate: number;
  /** The norm of all gradients, before it was clipped. */
  readonly gradientNorm: number;
}

/** Where a run stands, beside adapter and optimiser. */
export interface Progress {
  /** Every step so far. */
  readonly steps: readonly StepNumbers[];
  /** Every evaluation so far. */
  readonly evaluations: readonly EvaluationRecord[];
  /** The values of the best evaluation, if any. */
  readonly best: TensorValues | undefined;
}

interface StateNotes {
  readonly version: number;
  readonly fingerprint: Fingerprint;
  readonly evaluations: readonly EvaluationRecord[];
}

/**
 * Names the state file of an output.
 *
 * @param output The adapter folder that the run is to write.
 * @returns A path beside it.
 */
export function statePath(output: string): string {
  return `${outputTarget(output)}.training_state.safetensors`;
}

/** Whether there is a saved state beside an output. */
export function hasState(output: string): boolean {
  return statPath(statePath(output)) !== undefined;
}

/**
 * Removes the saved state of an output.
 *
 * @param output The adapter folder.
 */
export function removeState(output: string): void {
  removeTree(statePath(output));
}

/**
 * Saves where a run stands, in place of what was saved before.
 *
 * @param output The adapter folder that the run is to write.
 * @param adapter What is trained.
 * @param optimizer Its optimiser.
 * @param progress What happened so far.
 * @param fingerprint What the state belongs to.
 * @throws {TinygraftError} with code `unwritable-output`.
 */
export async function saveState(
  output: string,
  adapter: TrainableAdapter,
  optimizer: AdamW,
  { steps, evaluations, best }: Progress,
  fingerprint: Fingerprint,
): Promise<void> {
  const tensors: TensorStep[] = [];
  const add = (name: string, shape: readonly number[], values: Float32Array | Float64Array) => {
    const dtype = values instanceof Float32Array ? "F32" : "F64";
    const data = () => Promise.resolve(encodeFloats(values, dtype));
    tensors.push({ kind: "data", name, dtype, shape, data, origin: "state of training" });
  };
  for (const [index, { name, shape, values }] of adapter.parameters.entries()) {
    const { first, second } = optimizer.moments[index]!;
    add(`values.${name}`, shape, values);
    add(`first.${name}`, shape, first);
    add(`second.${name}`, shape, second);
    if (best !== undefined) add(`best.${name}`, shape, best.get(name)!);
  }
  if (steps.length > 0) {
    const rows = steps.flatMap((each) => [each.loss, each.learningRate, each.gradientNorm]);
    add("steps", [steps.length, STEP_NUMBERS], Float64Array.from(rows));
  }
  const notes: StateNotes = { version: STATE_VERSION, fingerprint, evaluations };
  const metadata = new Map([[STATE_KEY, JSON.stringify(notes)]]);
  const file = { kind: "safetensors", path: "", tensors, metadata } as const;
  await execute({ output: statePath(output), kind: "file", inputs: [], files: [file] }, {
    force: true,
  });
}

/**
 * Goes back to where a run stood: fills adapter and optimiser.
 *
 * @param output The adapter folder that the run is to write.
 * @param adapter A fresh adapter of the same shape; its values are overwritten.
 * @param optimizer Its optimiser; its means are overwritten.
 * @param fingerprint What the state must belong to.
 * @returns What had happened by then.
 * @throws {TinygraftError} with code `state-mismatch` for a state of another run.
 */
export async function loadState(
  output: string,
  adapter: TrainableAdapter,
  optimizer: AdamW,
  fingerprint: Fingerprint,
): Promise<Progress> {
  using file = await openCheckpoint(statePath(output));
  const notes = readNotes(file, output);
  checkFingerprint(notes.fingerprint, fingerprint, output);
  const entry = (name: string) => {
    const found = file.tensors.get(name);
    if (found !== undefined) return found;
    throw mismatch(output, `it lacks the tensor ${quote(name)}`, "a state that tinygraft wrote");
  };
  const read64 = async (name: string) => decodeFloats64(await readTensor(entry(name)), "F64");
  const best = new Map<string, Float32Array>();
  for (const [index, { name, values }] of adapter.parameters.entries()) {
    const { first, second } = optimizer.moments[index]!;
    values.set(await readFloats(entry(`values.${name}`)));
    first.set(await read64(`first.${name}`));
    second.set(await read64(`second.${name}`));
    if (file.tensors.has(`best.${name}`)) best.set(name, await readFloats(entry(`best.${name}`)));
  }
  const numbers = file.tensors.has("steps") ? await read64("steps") : new Float64Array();
  const steps = Array.from({ length: numbers.length / STEP_NUMBERS }, (_, i) => {
    const [loss, learningRate, gradientNorm] = numbers.subarray(STEP_NUMBERS * i);
    return { loss: loss!, learningRate: learningRate!, gradientNorm: gradientNorm! };
  });
  optimizer.steps = steps.length;
  const { evaluations } = notes;
  return { steps, evaluations, best: best.size > 0 ? best : undefined };
}

function readNotes({ metadata }: Checkpoint, output: string): StateNotes {
  const text = metadata.get(STATE_KEY);
  const notes = text === undefined ? undefined : JSON.parse(text) as StateNotes;
  if (notes?.version === STATE_VERSION) return notes;
  const found = notes === undefined
    ? `it has no entry ${quote(STATE_KEY)}`
    : `it is of version ${notes.version}`;
  throw mismatch(output, found, `a state of version ${STATE_VERSION}`);
}

function checkFingerprint(saved: Fingerprint, own: Fingerprint, output: string): void {
  for (const key of new Set([...Object.keys(saved), ...Object.keys(own)])) {
    const [found, expected] = [saved, own].map((each) => JSON.stringify(each[key]) ?? "none");
    if (found === expected) continue;
    throw mismatch(output, `it was made with ${key} ${found}`, `${expected} as asked for now`);
  }
}

function mismatch(output: string, found: string, expected: string): TinygraftError {
  const path = statePath(output);
  return new TinygraftError(
    `Cannot go on from "${path}": ${found}, expected ${expected}: give the options and inputs ` +
      "that it was made with, or train anew without resuming",
    { code: "state-mismatch", path },
  );
}
