/**
 * The WebGPU backend: operations are dispatches of small kernels.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import {
  type Backend,
  type BatchSize,
  checkBatch,
  checkMatrix,
  destroyedError,
  refuseUnknown,
  refuseWithoutBatch,
  type Waited,
} from "../backend.ts";
import { type Binding, BLOCK_ROWS } from "../ops/dispatch.ts";
import { checkOp, type Op } from "../ops/op.ts";
import { KERNEL_PLANS, type KernelPlan, type PlanName } from "../ops/plan.ts";
import { dispatchesOf } from "../ops/webgpu.ts";
import { type RaggedBatch, type RowsFollow, rowsOf, type Value, type Weight } from "../value.ts";
import { type BatchIndex, indexBatch, IndexBuffers } from "./batch_index.ts";
import { BufferMatrix } from "./buffer_matrix.ts";
import type { GpuDevice } from "./device.ts";
import { execute, type RowsInUse, type Slices, type Step } from "./execution.ts";
import { Kernels } from "./kernels.ts";
import type { ElementType, Matrix } from "./matrix.ts";
import {
  checkRange,
  checkRoom,
  type MatrixShape,
  type Room,
  roomOf,
  shapeOfValue,
} from "./room.ts";
import { TextureMatrix } from "./texture_matrix.ts";

/** What may be chosen about the backend. */
export interface WebGpuOptions extends BatchSize {
  /**
   * Which kernels run; when left out textures with a tile of 16 on a software driver, which run
   * half as fast again as with 8 for half a second more of compiling, else {@linkcode DEFAULT_PLAN}.
   */
  readonly plan?: PlanName;
  /**
   * Element type of weights and of values that follow the tokens; f32 when left out. With f16, which
   * buffers alone have, sums and what follows the sequences are f32 still.
   */
  readonly precision?: ElementType;
  /** Floating-point operations submitted at once. */
  readonly sliceFlops?: number;
  /** Whether the device stays when the backend is destroyed; it does not when left out. */
  readonly keepDevice?: boolean;
}

/** The plan for real GPUs that were not measured. */
export const DEFAULT_PLAN: PlanName = "buffers-64x64";

/** Tokens of a batch on a software driver, and on a GPU, whose every wait costs 10 ms. */
const MAX_TOKENS = { software: 1024, hardware: 8192 };

/**
 * Floating-point operations submitted at once. On a software driver they are about a third of a
 * second: waiting for the device blocks its thread, which hears only in between that it is to end.
 * A small GPU does that of the hardware in less than a second, after which systems lose patience
 * with it.
 */
const SLICE_FLOPS = { software: 4e9, hardware: 1e11 };

/** Workgroups along one dimension, by the WebGPU specification. */
const MAX_WORKGROUPS = 65535;

/**
 * Bytes of weights after which they are submitted: until then the queue keeps a copy of each, even
 * of one that was freed meanwhile.
 */
const UPLOAD_BYTES = 1 << 24;

/** Runs operations on a WebGPU device. */
export class WebGpuBackend implements Backend {
  /** Which backend this is. */
  readonly name = "webgpu";
  /** Whether the driver computes on the CPU. */
  readonly software: boolean;
  /** The adapter's name. */
  readonly description: string;
  /** Tokens that a batch may hold. */
  readonly maxTokens: number;
  /** What its matrices may be. */
  readonly room: Room;
  /** How long `read` has taken so far. */
  readonly waited: Waited = { compute: 0, readback: 0 };

  readonly #gpu: GpuDevice;
  readonly #plan: KernelPlan;
  readonly #precision: ElementType;
  readonly #slices: Slices;
  readonly #keepDevice: boolean;
  readonly #matrices = new Map<Value | Weight, Matrix>();
  readonly #temporaries = new Map<string, Matrix>();
  readonly #kernels: Kernels;
  readonly #buffers: IndexBuffers;
  #index: BatchIndex | undefined;
  #steps: Step[] = [];
  /** Freed matrices that something recorded still needs. */
  readonly #doomed = new Set<Matrix>();
  #lastSubmission: Promise<unknown> = Promise.resolve();
  #readsInFlight = 0;
  #uploaded = 0;
  #destroyed = false;

  /**
   * Makes a backend of a device.
   *
   * @param gpu The device; the backend destroys it, also when it throws, unless it is to keep it.
   * @param options What may be chosen.
   * @throws {RangeError} When a batch is to hold more tokens than the device can.
   * @throws {DeviceError} With code `no-half-precision` when the device or the plan has no f16.
   */
  constructor(gpu: GpuDevice, options: WebGpuOptions = {}) {
    const kind = gpu.software ? "software" : "hardware";
    this.#gpu = gpu;
    this.#keepDevice = options.keepDevice ?? false;
    this.#precision = options.precision ?? "f32";
    this.#plan = KERNEL_PLANS[options.plan ?? defaultPlan(gpu, this.#precision)];
    this.room = roomOf(gpu.device.limits, this.#plan.family, this.#precision);
    this.#slices = { flops: options.sliceFlops ?? SLICE_FLOPS[kind], wait: gpu.software };
    this.software = gpu.software;
    this.description = gpu.description;
    const limit = this.#tokenLimit();
    const suitable = Math.min(limit, MAX_TOKENS[kind]);
    this.maxTokens = options.maxTokens ?? Math.max(options.minTokens ?? 1, suitable);
    const fault = this.#unfit(limit);
    if (fault !== undefined) {
      if (!this.#keepDevice) gpu.destroy();
      throw fault;
    }
    this.#kernels = new Kernels(gpu);
    this.#buffers = new IndexBuffers(gpu.device, this.maxTokens);
  }

  /** {@inheritDoc Backend.weight} */
  weight(label: string, data: Float32Array, rows: number, cols: number): Weight {
    this.#assertAlive("make a weight");
    checkMatrix(label, data.length, rows, cols);
    const weight = { label, rows, cols };
    checkRange(this.room, label, data);
    const matrix = this.#createMatrix(label, { rows, cols, type: this.#precision }, true);
    matrix.reserve(rows)?.adopt();
    const packed = matrix.pack(data);
    matrix.fill(packed);
    this.#uploaded += packed.byteLength;
    if (this.#uploaded > UPLOAD_BYTES) {
      this.#gpu.device.queue.submit([]);
      this.#uploaded = 0;
    }
    this.#matrices.set(weight, matrix);
    return weight;
  }

  /** {@inheritDoc Backend.value} */
  value(label: string, rowsFollow: RowsFollow, cols: number): Value {
    this.#assertAlive("make a value");
    checkMatrix(label, cols, 1, cols);
    const value = { label, rowsFollow, cols };
    const shape = shapeOfValue(value, this.maxTokens, this.#precision);
    this.#matrices.set(value, this.#createMatrix(label, shape));
    return value;
  }

  /** {@inheritDoc Backend.begin} */
  begin(batch: RaggedBatch): void {
    this.#assertAlive("begin a batch");
    checkBatch(batch, this.maxTokens);
    const index = indexBatch(batch, BLOCK_ROWS[this.#plan.family]);
    this.#index = index;
    this.#steps.push({ act: () => this.#buffers.fill(index) });
  }

  /** {@inheritDoc Backend.write} */
  write(value: Value, data: Float32Array): void {
    this.#assertAlive("write");
    const fills = this.#inUse(value);
    checkMatrix(value.label, data.length, fills.rows, value.cols);
    const packed = fills.matrix.pack(data.slice());
    this.#steps.push({ fills, act: () => fills.matrix.fill(packed) });
  }

  /** {@inheritDoc Backend.run} */
  run(op: Op): void {
    this.#assertAlive(`run ${op.op}`);
    checkOp(op);
    const dispatches = dispatchesOf(op, this.#current().counts, this.#plan);
    const steps = dispatches.map((dispatch) => ({
      dispatch,
      resources: dispatch.bindings.map((binding) => this.#resource(binding)),
    }));
    this.#steps.push(...steps);
  }

  /**
   * {@inheritDoc Backend.read}
   *
   * Runs out of memory with code `out-of-memory`: then nothing recorded since the last read was
   * done, and a smaller batch may be tried.
   */
  async read(values: readonly Value[]): Promise<Float32Array<ArrayBuffer>[]> {
    this.#assertAlive("read");
    this.#current();
    const requests = values.map((value) => this.#inUse(value));
    const steps = this.#steps.splice(0);
    const submission = this.#lastSubmission.then(() => this.#submit(steps, requests));
    this.#lastSubmission = submission.catch(() => {}); // the caller hears of it
    this.#readsInFlight++;
    try {
      const { started, readback } = await submission;
      using _ = readback;
      await this.#gpu.wait(readback.map());
      const mapped = performance.now();
      const results = readback.take();
      this.waited.compute += (mapped - started) / 1000;
      this.waited.readback += (performance.now() - mapped) / 1000;
      return results;
    } finally {
      this.#readsInFlight--;
    }
  }

  /** {@inheritDoc Backend.free} */
  free(resource: Value | Weight): void {
    const matrix = this.#matrices.get(resource);
    if (matrix === undefined) return;
    this.#matrices.delete(resource);
    if (this.#steps.length === 0 && this.#readsInFlight === 0) {
      matrix.destroy();
      return;
    }
    this.#doomed.add(matrix);
    this.#steps.push({ free: () => this.#doomed.delete(matrix) && matrix.destroy() });
  }

  /** {@inheritDoc Backend.destroy} */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#steps = [];
    for (const matrices of [this.#matrices, this.#temporaries, this.#doomed]) {
      for (const matrix of matrices.values()) matrix.destroy();
      matrices.clear();
    }
    this.#buffers[Symbol.dispose]();
    if (!this.#keepDevice) this.#gpu.destroy();
  }

  async #submit(steps: readonly Step[], requests: readonly RowsInUse[]) {
    const started = performance.now();
    const check = () => this.#assertAlive("read");
    check();
    const readback = await execute(this.#gpu, this.#kernels, steps, requests, {
      slices: this.#slices,
      check,
    });
    return { started, readback };
  }

  #createMatrix(
    label: string,
    shape: MatrixShape,
    lasting = false,
  ): Matrix {
    checkRoom(this.room, label, shape, lasting);
    return this.#plan.family === "textures"
      ? new TextureMatrix(this.#gpu, label, shape, lasting)
      : new BufferMatrix(this.#gpu, label, shape, lasting);
  }

  /** A resource of a dispatch: a whole weight, a value's rows of the batch, or an index buffer. */
  #resource(binding: Binding): RowsInUse | GPUBuffer {
    if (typeof binding === "string") return this.#buffers[binding];
    if (!("temporary" in binding)) return this.#inUse(binding);
    const { temporary, cols, precise } = binding;
    const label = `${temporary} [${cols}]`;
    let matrix = this.#temporaries.get(label);
    if (matrix === undefined) {
      const type = precise ? "f32" : this.#precision;
      const shape = { rows: this.maxTokens, cols, type } as const;
      matrix = this.#createMatrix(label, shape);
      this.#temporaries.set(label, matrix);
    }
    return { matrix, rows: this.#current().counts.tokens };
  }

  #inUse(resource: Value | Weight): RowsInUse {
    const matrix = this.#matrices.get(resource) ?? refuseUnknown(resource);
    const rows = "rows" in resource ? resource.rows : rowsOf(resource, this.#current().counts);
    return { matrix, rows };
  }

  #tokenLimit(): number {
    const { maxTextureDimension2D } = this.#gpu.device.limits;
    return this.#plan.family === "textures" ? maxTextureDimension2D : MAX_WORKGROUPS;
  }

  /** Why the backend cannot be, if so. */
  #unfit(tokenLimit: number): Error | undefined {
    if (this.maxTokens > tokenLimit) {
      return new RangeError(
        `Cannot open a backend for batches of ${this.maxTokens} tokens: ` +
          `the device holds ${tokenLimit}, expected at most as many`,
      );
    }
    if (this.#precision === "f16" && !(this.#gpu.f16 && this.#plan.family === "buffers")) {
      return new DeviceError(
        `Cannot compute in f16 on "${this.description}": the device does not offer 16-bit ` +
          `floats, expected WebGPU's feature shader-f16: compute in f32`,
        { code: "no-half-precision" },
      );
    }
    return undefined;
  }

  #current(): BatchIndex {
    return this.#index ?? refuseWithoutBatch();
  }

  #assertAlive(action: string): void {
    if (this.#destroyed) throw destroyedError(action);
  }
}

function defaultPlan(gpu: GpuDevice, precision: ElementType): PlanName {
  return gpu.software && precision === "f32" ? "textures-16" : DEFAULT_PLAN;
}
