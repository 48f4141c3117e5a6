/**
 * The one interface through which a model runs on a device.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import type { Op } from "./ops/op.ts";
import type { RaggedBatch, RowsFollow, Value, Weight } from "./value.ts";

/** Where the time of a backend's reads went, in seconds. */
export interface Waited {
  /** Until the device had finished what was recorded. */
  compute: number;
  /** Until the values were in host memory. */
  readback: number;
}

/** How large a backend's batches are. */
export interface BatchSize {
  /** Tokens that a batch may hold; a size that suits the backend when left out. */
  readonly maxTokens?: number;
  /** Tokens of the longest sequence: the backend's own size is raised to hold it. */
  readonly minTokens?: number;
}

/**
 * A device that holds matrices and runs operations on them.
 *
 * Everything is ordered: `begin`, `write`, `run` and `free` take effect in the order of the calls,
 * and nothing need happen before the next `read`. Values keep their contents until overwritten.
 * Values and weights belong to the backend that made them; it frees what is left on `destroy`.
 * Programming errors (a wrong shape, a freed value, a value of another backend) throw at the call;
 * faults of the device throw from the next `read`.
 */
export interface Backend {
  /** Which backend this is. */
  readonly name: "webgpu" | "wasm" | "reference";
  /** Whether a CPU does the work: the reference, or WebGPU on a software driver. */
  readonly software: boolean;
  /** One line for people: the adapter's name, or how the reference computes. */
  readonly description: string;
  /** Tokens that a batch may hold, and a sensible size for one. */
  readonly maxTokens: number;
  /** How long `read` has taken so far, in all. */
  readonly waited: Readonly<Waited>;

  /**
   * Makes a constant matrix.
   *
   * @param label The tensor's name, for messages.
   * @param data `f32 [rows, cols]`, row-major; copied.
   * @param rows Rows, in elements; 1 for a vector.
   * @param cols Columns, in elements.
   * @returns The weight, owned by this backend until `free` or `destroy`.
   * @throws {RangeError} When the data has another length or the device cannot hold the matrix.
   * @throws {DeviceError} When the backend was destroyed.
   */
  weight(label: string, data: Float32Array, rows: number, cols: number): Weight;

  /**
   * Makes a matrix of activations, all zero, with room for `maxTokens` rows, or for one that
   * belongs to the batch as a whole.
   *
   * @param label What it will hold, for messages.
   * @param rowsFollow Whether it has one row a token, one row a sequence, or one row in all.
   * @param cols Columns, in elements.
   * @returns The value, owned by this backend until `free` or `destroy`.
   * @throws {RangeError} When the device cannot hold the matrix.
   * @throws {DeviceError} When the backend was destroyed.
   */
  value(label: string, rowsFollow: RowsFollow, cols: number): Value;

  /**
   * Starts a batch: every later `write`, `run` and `read` is about its rows.
   *
   * @param batch The sequences, end to end; copied.
   * @throws {RangeError} When there is no sequence, one has no token, the lengths do not add up,
   * a selected token lies outside its sequence, or the batch holds more than `maxTokens` tokens.
   * @throws {DeviceError} When the backend was destroyed.
   */
  begin(batch: RaggedBatch): void;

  /**
   * Fills a value's rows of the current batch.
   *
   * @param value What to fill.
   * @param data `f32 [rows, cols]`, row-major; copied.
   * @throws {RangeError} When the data has another length.
   * @throws {TypeError} When the value is not of this backend or no batch was begun.
   * @throws {DeviceError} When the backend was destroyed.
   */
  write(value: Value, data: Float32Array): void;

  /**
   * Records an operation on the current batch.
   *
   * @param op The operation.
   * @throws {TypeError} When a shape does not fit or something is not of this backend; nothing is
   * recorded then.
   * @throws {RangeError} When a number of the operation is out of range.
   * @throws {DeviceError} When the backend was destroyed.
   */
  run(op: Op): void;

  /**
   * Does what was recorded, waits for it and reads values: the only wait.
   *
   * @param values What to read.
   * @returns For each value its rows of the current batch, `f32 [rows, cols]`, row-major.
   * @throws {TypeError} When a value is not of this backend or no batch was begun.
   * @throws {DeviceError} With the first fault of the device since it was opened, when a kernel does
   * not compile, when the device is lost, or when the backend was destroyed.
   */
  read(values: readonly Value[]): Promise<Float32Array<ArrayBuffer>[]>;

  /**
   * Frees a value or weight after the operations recorded so far.
   *
   * @param resource What is no longer needed; freeing it twice does nothing.
   */
  free(resource: Value | Weight): void;

  /** Frees everything at once, without waiting for what was recorded; idempotent. */
  destroy(): void;
}

/**
 * Checks that a batch is well formed and not too large.
 *
 * @param batch The batch.
 * @param maxTokens Tokens that it may hold.
 * @throws {RangeError} When there is no sequence, one has no token, the lengths do not add up, a
 * selected token lies outside its sequence, or the batch holds more than `maxTokens` tokens.
 */
export function checkBatch({ tokens, starts, selected }: RaggedBatch, maxTokens: number): void {
  const fail = (found: string, expected: string): never => {
    throw new RangeError(`Cannot begin a batch: ${found}, expected ${expected}`);
  };
  if (tokens > maxTokens) fail(`it holds ${tokens} tokens`, `at most ${maxTokens}`);
  if (starts.length < 2) fail("it holds no sequence", "at least one");
  if (starts[0] !== 0) fail(`the first sequence starts at ${starts[0]}`, "0");
  for (let b = 0; b + 1 < starts.length; b++) {
    if (starts[b + 1]! <= starts[b]!) fail(`sequence ${b} has no token`, "at least one");
  }
  if (starts.at(-1) !== tokens) {
    fail(`the sequences end at token ${starts.at(-1)}`, `the end of all ${tokens} tokens`);
  }
  if (selected === undefined) return;
  if (selected.length !== starts.length - 1) {
    fail(`${selected.length} tokens are selected`, `one of each of ${starts.length - 1} sequences`);
  }
  for (const [b, token] of selected.entries()) {
    if (token >= starts[b]! && token < starts[b + 1]!) continue;
    fail(`token ${token} is selected of sequence ${b}`, `${starts[b]} to ${starts[b + 1]! - 1}`);
  }
}

/**
 * Which token of each sequence is selected.
 *
 * @param batch The batch.
 * @returns `[B]`: what the batch says, or the first token of each sequence.
 */
export function selectedTokens({ starts, selected }: RaggedBatch): Uint32Array<ArrayBuffer> {
  return selected ?? starts.subarray(0, -1);
}

/**
 * Checks the data given for a matrix.
 *
 * @param label The matrix's label, for the message.
 * @param length Elements given.
 * @param rows Rows, in elements.
 * @param cols Columns, in elements.
 * @throws {RangeError} When a dimension is not a positive integer or the product is another length.
 */
export function checkMatrix(label: string, length: number, rows: number, cols: number): void {
  const positive = (dimension: number) => Number.isSafeInteger(dimension) && dimension > 0;
  if (positive(rows) && positive(cols) && length === rows * cols) return;
  throw new RangeError(
    `Cannot fill "${label}" of shape [${rows}, ${cols}]: ${length} elements were given, ` +
      `expected ${rows * cols}, a positive number`,
  );
}

/**
 * The error of a backend that is used after its end.
 *
 * @param action What was attempted.
 * @returns The error, to throw.
 */
export function destroyedError(action: string): DeviceError {
  return new DeviceError(
    `Cannot ${action}: the backend was destroyed, expected an open one: open another`,
    { code: "device-error" },
  );
}

/**
 * Refuses a value or weight that a backend does not have.
 *
 * @param resource What was asked for.
 * @throws {TypeError} Always.
 */
export function refuseUnknown(resource: Value | Weight): never {
  throw new TypeError(
    `Cannot use "${resource.label}": it was freed or belongs to another backend, ` +
      `expected one that this backend made`,
  );
}

/**
 * Refuses what needs a batch where none was begun.
 *
 * @throws {TypeError} Always.
 */
export function refuseWithoutBatch(): never {
  throw new TypeError("Cannot use values: no batch was begun: call begin() first");
}
