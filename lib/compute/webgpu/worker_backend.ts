/**
 * WebGPU in a worker, so that waiting for the device leaves the caller's own thread free.
 *
 * @module
 */

import {
  type Backend,
  checkBatch,
  checkMatrix,
  destroyedError,
  refuseUnknown,
  refuseWithoutBatch,
  type Waited,
} from "../backend.ts";
import { checkOp, type Op } from "../ops/op.ts";
import { type RaggedBatch, type RowsFollow, rowsOf, type Value, type Weight } from "../value.ts";
import { type Command, type OpenedBackend, packOp, type ResourceId } from "./messages.ts";
import { openWebGpu, type OpenWebGpuOptions } from "./open.ts";
import { checkRange, checkRoom, type Room, shapeOfValue } from "./room.ts";
import { WorkerLink } from "./worker_link.ts";

/**
 * Opens WebGPU in a worker, or on this thread where a worker cannot be had.
 *
 * @param options What may be chosen.
 * @returns The backend, which the caller destroys; undefined when there is no such adapter.
 * @throws {DeviceError} When the adapter gives no device, fails, or has no f16 where it is asked for.
 * @throws {RangeError} When `maxTokens` is more than the device holds.
 */
export async function openWebGpuInWorker(options: OpenWebGpuOptions): Promise<Backend | undefined> {
  const { precision = "f32", tuning, ...size } = options;
  const link = await WorkerLink.start(tuning);
  if (link === undefined) return await openWebGpu(options);
  try {
    const tuned = tuning !== undefined;
    const opened = await link.open({ kind: "open", ...size, precision, tuned });
    if (opened !== undefined) return new WorkerBackend(link, opened);
  } catch (error) {
    link.end();
    throw error;
  }
  link.end();
  return undefined;
}

/**
 * A backend whose calls a worker carries out. Shapes are checked here, so that a wrong call throws
 * where it is made; calls are sent along with the next read, in one message.
 */
export class WorkerBackend implements Backend {
  /** Which backend this is. */
  readonly name = "webgpu";
  /** Whether the driver computes on the CPU. */
  readonly software: boolean;
  /** The adapter's name. */
  readonly description: string;
  /** Tokens that a batch may hold. */
  readonly maxTokens: number;
  /** How long `read` has taken so far, as the worker measures it. */
  readonly waited: Waited = { compute: 0, readback: 0 };

  readonly #link: WorkerLink;
  readonly #room: Room;
  readonly #ids = new Map<Value | Weight, ResourceId>();
  #lastId = 0;
  #batch: { readonly tokens: number; readonly sequences: number } | undefined;
  #commands: Command[] = [];
  /** Whether the commands hold more than values made and freed. */
  #recorded = false;
  #destroyed = false;

  /**
   * Makes a backend of what a worker opened.
   *
   * @param link The line to the worker; the backend ends it.
   * @param opened What the worker said.
   */
  constructor(link: WorkerLink, { software, description, maxTokens, room }: OpenedBackend) {
    this.#link = link;
    this.#room = room;
    this.software = software;
    this.description = description;
    this.maxTokens = maxTokens;
  }

  /** {@inheritDoc Backend.weight} */
  weight(label: string, data: Float32Array, rows: number, cols: number): Weight {
    this.#assertAlive("make a weight");
    checkMatrix(label, data.length, rows, cols);
    checkRange(this.#room, label, data);
    checkRoom(this.#room, label, { rows, cols, type: this.#room.precision }, true);
    const weight = { label, rows, cols };
    // Sent at once: nothing recorded needs it, and the device takes it while others are read.
    this.#link.send([{ call: "weight", id: this.#number(weight), weight, data: data.slice() }]);
    return weight;
  }

  /** {@inheritDoc Backend.value} */
  value(label: string, rowsFollow: RowsFollow, cols: number): Value {
    this.#assertAlive("make a value");
    checkMatrix(label, cols, 1, cols);
    const value = { label, rowsFollow, cols };
    const shape = shapeOfValue(value, this.maxTokens, this.#room.precision);
    checkRoom(this.#room, label, shape, false);
    this.#commands.push({ call: "value", id: this.#number(value), value });
    return value;
  }

  /** {@inheritDoc Backend.begin} */
  begin(batch: RaggedBatch): void {
    this.#assertAlive("begin a batch");
    checkBatch(batch, this.maxTokens);
    const { tokens, starts, selected } = batch;
    this.#batch = { tokens, sequences: starts.length - 1 };
    const copy = {
      tokens,
      starts: starts.slice(),
      ...(selected && { selected: selected.slice() }),
    };
    this.#record({ call: "begin", batch: copy });
  }

  /** {@inheritDoc Backend.write} */
  write(value: Value, data: Float32Array): void {
    this.#assertAlive("write");
    const rows = rowsOf(value, this.#batch ?? refuseWithoutBatch());
    const id = this.#id(value);
    checkMatrix(value.label, data.length, rows, value.cols);
    this.#record({ call: "write", id, data: data.slice() });
  }

  /** {@inheritDoc Backend.run} */
  run(op: Op): void {
    this.#assertAlive(`run ${op.op}`);
    checkOp(op);
    if (this.#batch === undefined) refuseWithoutBatch();
    this.#record({ call: "run", op: packOp(op, (resource) => this.#id(resource)) });
  }

  /** {@inheritDoc Backend.read} */
  async read(values: readonly Value[]): Promise<Float32Array<ArrayBuffer>[]> {
    this.#assertAlive("read");
    if (this.#batch === undefined) refuseWithoutBatch();
    const ids = values.map((value) => this.#id(value));
    const done = await this.#link.read(this.#takeCommands(), ids);
    Object.assign(this.waited, done.waited);
    return done.values;
  }

  /** {@inheritDoc Backend.free} */
  free(resource: Value | Weight): void {
    const id = this.#ids.get(resource);
    if (id === undefined || this.#destroyed) return;
    this.#ids.delete(resource);
    this.#commands.push({ call: "free", id });
    if (!this.#recorded) this.#link.send(this.#takeCommands()); // no read need follow
  }

  /** {@inheritDoc Backend.destroy} */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#commands = [];
    this.#ids.clear();
    this.#link.end();
  }

  #record(command: Command): void {
    this.#commands.push(command);
    this.#recorded = true;
  }

  #takeCommands(): Command[] {
    this.#recorded = false;
    return this.#commands.splice(0);
  }

  #number(resource: Value | Weight): ResourceId {
    this.#ids.set(resource, ++this.#lastId);
    return this.#lastId;
  }

  #id(resource: Value | Weight): ResourceId {
    return this.#ids.get(resource) ?? refuseUnknown(resource);
  }

  #assertAlive(action: string): void {
    if (this.#destroyed) throw destroyedError(action);
  }
}
