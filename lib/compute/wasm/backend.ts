/**
 * The WebAssembly backend: SIMD kernels on threads that share one memory.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { Target } from "../assembler/module.ts";
import {
  type Backend,
  type BatchSize,
  checkBatch,
  checkMatrix,
  destroyedError,
  refuseUnknown,
  refuseWithoutBatch,
  selectedTokens,
  type Waited,
} from "../backend.ts";
import {
  F32_BYTES,
  type Job,
  type Layout,
  LINEAR_ROWS,
  MASKED,
  PANEL,
  rowBytes,
} from "../ops/job.ts";
import { checkOp, type Op } from "../ops/op.ts";
import { assembleKernels, jobsOf } from "../ops/wasm.ts";
import { type RaggedBatch, type RowsFollow, rowsOf, type Value, type Weight } from "../value.ts";
import { detectTarget } from "./features.ts";
import { Heap } from "./heap.ts";
import { packPanels, padVector } from "./pack.ts";
import { CONTROL_BYTES, MAX_JOBS } from "./thread.ts";
import { Threads } from "./threads.ts";

/** What may be chosen about the backend: by itself a batch holds 1024 tokens. */
export interface WasmOptions extends BatchSize {
  /** How many threads; one a core when left out. Results do not depend on it. */
  readonly threads?: number;
  /** The instructions that kernels may use; all that there are when left out. */
  readonly target?: Target;
}

/** Tokens of a batch unless asked otherwise. */
const DEFAULT_MAX_TOKENS = 1024;
/** Most threads unless asked otherwise: past it, waiting for each other outweighs the work. */
const DEFAULT_MAX_THREADS = 16;

/** Something recorded: jobs, or something to do on this thread between them. */
type Step = Job | (() => void);

/** The current batch in memory. */
interface BatchIndex {
  /** Where each sequence begins, plus the end, then the selected tokens: `[2 sequences + 1]`. */
  readonly address: number;
  readonly tokens: number;
  readonly sequences: number;
  readonly longest: number;
}

/** Runs operations on WebAssembly. */
export class WasmBackend implements Backend {
  /** Which backend this is. */
  readonly name = "wasm";
  /** The CPU does the work. */
  readonly software = true;
  /** Threads and instructions. */
  readonly description: string;
  /** Tokens that a batch may hold. */
  readonly maxTokens: number;
  /** How long `read` has taken so far. */
  readonly waited: Waited = { compute: 0, readback: 0 };

  readonly #heap = new Heap(CONTROL_BYTES);
  readonly #threads: Threads;
  readonly #masks: number;
  readonly #values = new Map<Value, number>();
  readonly #weights = new Map<Weight, { vector?: number; panels?: number }>();
  readonly #temporaries = new Map<string, number>();
  #batch: BatchIndex | undefined;
  #steps: Step[] = [];
  #lastRead: Promise<unknown> = Promise.resolve();
  #readsInFlight = 0;
  #destroyed = false;

  /**
   * Opens the backend and begins to start its threads.
   *
   * @param options What may be chosen.
   * @throws {DeviceError} When the engine lacks SIMD or shared memory, or there is no memory.
   * @throws {RangeError} When the number of threads is not a positive integer.
   */
  constructor({ maxTokens, minTokens = 1, threads, target = detectTarget() }: WasmOptions = {}) {
    if (target === undefined) {
      throw new DeviceError(
        "Cannot open the WebAssembly device: the engine lacks SIMD or shared memory, expected " +
          "both: use another engine, in a browser a page that is cross-origin isolated, or the " +
          "reference",
        { code: "device-error" },
      );
    }
    const count = threads ??
      Math.min(globalThis.navigator?.hardwareConcurrency ?? 1, DEFAULT_MAX_THREADS);
    if (!(Number.isSafeInteger(count) && count > 0)) {
      throw new RangeError(
        `Cannot open a backend with ${count} threads, expected a positive integer`,
      );
    }
    this.maxTokens = maxTokens ?? Math.max(minTokens, DEFAULT_MAX_TOKENS);
    this.description = `WebAssembly, ${count} ${count === 1 ? "thread" : "threads"}, ` +
      (target.relaxed ? "relaxed SIMD" : "SIMD");
    this.#masks = this.#heap.take("masks", 2 * PANEL * F32_BYTES);
    this.#heap.floats(this.#masks + PANEL * F32_BYTES, PANEL).fill(MASKED);
    this.#threads = new Threads(this.#heap, kernelsFor(target), count);
    this.#threads.start();
  }

  /** Bytes of WebAssembly's memory that are in use. */
  get takenBytes(): number {
    return this.#heap.takenBytes;
  }

  /** {@inheritDoc Backend.weight} */
  weight(label: string, data: Float32Array, rows: number, cols: number): Weight {
    this.#assertAlive("make a weight");
    checkMatrix(label, data.length, rows, cols);
    const weight = { label, rows, cols };
    // A single row may be a vector or a matrix: it becomes panels when it is first used as these.
    if (rows === 1) this.#weights.set(weight, { vector: padVector(this.#heap, label, data) });
    else this.#weights.set(weight, { panels: packPanels(this.#heap, weight, data) });
    return weight;
  }

  /** {@inheritDoc Backend.value} */
  value(label: string, rowsFollow: RowsFollow, cols: number): Value {
    this.#assertAlive("make a value");
    checkMatrix(label, cols, 1, cols);
    const value = { label, rowsFollow, cols };
    const rows = rowsOf(value, { tokens: this.maxTokens, sequences: this.maxTokens });
    this.#values.set(value, this.#takeMatrix(label, rows, cols));
    return value;
  }

  /** {@inheritDoc Backend.begin} */
  begin(batch: RaggedBatch): void {
    this.#assertAlive("begin a batch");
    checkBatch(batch, this.maxTokens);
    const { tokens, starts } = batch;
    const indices = [...starts, ...selectedTokens(batch)];
    const address = this.#heap.take("batch", indices.length * F32_BYTES);
    const view = this.#heap.floats(address, indices.length);
    new Int32Array(view.buffer, view.byteOffset, indices.length).set(indices);
    const old = this.#batch;
    if (old !== undefined) this.#act(() => this.#heap.give(old.address));
    let longest = 0;
    for (let b = 0; b + 1 < starts.length; b++) {
      longest = Math.max(longest, starts[b + 1]! - starts[b]!);
    }
    this.#batch = { address, tokens, sequences: starts.length - 1, longest };
  }

  /** {@inheritDoc Backend.write} */
  write(value: Value, data: Float32Array): void {
    this.#assertAlive("write");
    const rows = rowsOf(value, this.#current());
    checkMatrix(value.label, data.length, rows, value.cols);
    const address = this.#value(value);
    const copy = this.#idle ? data : data.slice();
    this.#act(() =>
      this.#eachRow(address, rows, value.cols, (row, i) => {
        row.set(copy.subarray(i, i + row.length));
      })
    );
  }

  /** {@inheritDoc Backend.run} */
  run(op: Op): void {
    this.#assertAlive(`run ${op.op}`);
    checkOp(op);
    this.#steps.push(...jobsOf(op, this.#layout()));
  }

  /** {@inheritDoc Backend.read} */
  async read(values: readonly Value[]): Promise<Float32Array<ArrayBuffer>[]> {
    this.#assertAlive("read");
    const batch = this.#current();
    const requests = values.map((value) => ({
      address: this.#value(value),
      rows: rowsOf(value, batch),
      cols: value.cols,
    }));
    const steps = this.#steps.splice(0);
    const result = this.#lastRead.then(() => this.#execute(steps, requests));
    this.#lastRead = result.catch(() => {}); // the caller hears of it; the next read waits only
    this.#readsInFlight++;
    try {
      return await result;
    } finally {
      this.#readsInFlight--;
    }
  }

  /** {@inheritDoc Backend.free} */
  free(resource: Value | Weight): void {
    const value = this.#values.get(resource as Value);
    const { vector, panels } = this.#weights.get(resource as Weight) ?? {};
    this.#values.delete(resource as Value);
    this.#weights.delete(resource as Weight);
    for (const address of [value, vector, panels]) {
      if (address !== undefined) this.#act(() => this.#heap.give(address));
    }
  }

  /** {@inheritDoc Backend.destroy} */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#steps = [];
    this.#values.clear();
    this.#weights.clear();
    this.#threads.end(destroyedError("read"));
  }

  /** Runs jobs and the acts between them, in order, and copies results out. */
  async #execute(
    steps: readonly Step[],
    requests: readonly { address: number; rows: number; cols: number }[],
  ): Promise<Float32Array<ArrayBuffer>[]> {
    const started = performance.now();
    let jobs: Job[] = [];
    const flush = async () => {
      if (jobs.length > 0) await this.#threads.run(jobs);
      jobs = [];
    };
    for (const step of steps) {
      if (typeof step === "function" || jobs.length === MAX_JOBS) await flush();
      if (typeof step === "function") step();
      else jobs.push(step);
    }
    await flush();
    this.#assertAlive("read");
    const computed = performance.now();
    const results = requests.map(({ address, rows, cols }) => {
      const result = new Float32Array(rows * cols);
      this.#eachRow(address, rows, cols, (row, i) => result.set(row, i));
      return result;
    });
    this.waited.compute += (computed - started) / 1000;
    this.waited.readback += (performance.now() - computed) / 1000;
    return results;
  }

  /** Whether nothing is recorded or under way, so that the memory may be touched at once. */
  get #idle(): boolean {
    return this.#steps.length === 0 && this.#readsInFlight === 0;
  }

  /** Does something in its turn. */
  #act(act: () => void): void {
    if (this.#idle) act();
    else this.#steps.push(act);
  }

  /** Calls back with each row of a matrix in memory and its place in a dense array. */
  #eachRow(
    address: number,
    rows: number,
    cols: number,
    body: (row: Float32Array<ArrayBufferLike>, index: number) => void,
  ): void {
    const stride = rowBytes(cols);
    if (stride === cols * F32_BYTES) return body(this.#heap.floats(address, rows * cols), 0);
    for (let r = 0; r < rows; r++) body(this.#heap.floats(address + r * stride, cols), r * cols);
  }

  /** Memory for a matrix with spare rows: a tile may begin at the last row that is in use. */
  #takeMatrix(label: string, rows: number, cols: number): number {
    return this.#heap.take(label, (rows + LINEAR_ROWS) * rowBytes(cols));
  }

  #layout(): Layout {
    const batch = this.#current();
    return {
      value: (value) => this.#value(value),
      panels: (weight) => this.#panels(weight),
      vector: (weight) => this.#weight(weight).vector!,
      temporary: (name, cols) => this.#temporary(`${name} [${cols}]`, cols),
      rows: (value) => rowsOf(value, batch),
      starts: batch.address,
      selected: batch.address + (batch.sequences + 1) * F32_BYTES,
      masks: this.#masks,
      tokens: batch.tokens,
      sequences: batch.sequences,
      longest: batch.longest,
    };
  }

  #temporary(label: string, cols: number): number {
    const known = this.#temporaries.get(label);
    if (known !== undefined) return known;
    const address = this.#takeMatrix(label, this.maxTokens, cols);
    this.#temporaries.set(label, address);
    return address;
  }

  #value(value: Value): number {
    return this.#values.get(value) ?? refuseUnknown(value);
  }

  #weight(weight: Weight): { vector?: number; panels?: number } {
    return this.#weights.get(weight) ?? refuseUnknown(weight);
  }

  #panels(weight: Weight): number {
    const places = this.#weight(weight);
    places.panels ??= packPanels(
      this.#heap,
      weight,
      this.#heap.floats(places.vector!, weight.cols),
    );
    return places.panels;
  }

  #current(): BatchIndex {
    return this.#batch ?? refuseWithoutBatch();
  }

  #assertAlive(action: string): void {
    if (this.#destroyed) throw destroyedError(action);
  }
}

const compiled = new Map<boolean, WebAssembly.Module>();

/** The kernels, assembled and compiled once a process. */
function kernelsFor(target: Target): WebAssembly.Module {
  let module = compiled.get(target.relaxed);
  if (module === undefined) {
    module = new WebAssembly.Module(assembleKernels(target));
    compiled.set(target.relaxed, module);
  }
  return module;
}
