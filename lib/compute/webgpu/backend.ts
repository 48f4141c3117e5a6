/**
 * The WebGPU backend: matrices are textures, operations are dispatches of small kernels.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { type Backend, type BatchSize, checkBatch, checkMatrix, type Waited } from "../backend.ts";
import { type Binding, type Dispatch, usedRows } from "../ops/dispatch.ts";
import type { Tile } from "../ops/linear/webgpu.ts";
import { checkOp, type Op } from "../ops/op.ts";
import { dispatchesOf } from "../ops/webgpu.ts";
import type { RaggedBatch, Value, Weight } from "../value.ts";
import { type BatchIndex, indexBatch, IndexBuffers } from "./batch_index.ts";
import type { GpuDevice } from "./device.ts";
import { createMatrix, fillMatrix, padRows, Readback, type ReadRequest } from "./matrix.ts";

/** What may be chosen about the backend: by itself it holds 1024 tokens on software, else 4096. */
export interface WebGpuOptions extends BatchSize {
  /**
   * The tile of `linear`; when left out 16 on a software driver, where it runs half as fast again
   * for half a second more of compiling, else 8.
   */
  readonly tile?: Tile;
  /** Floating-point operations submitted at once: on a software driver 4e9 when left out. */
  readonly sliceFlops?: number;
}

/** Something recorded: a dispatch with what it is bound to, or another act of the queue. */
type Step =
  | { readonly dispatch: Dispatch; readonly resources: readonly (GPUTexture | GPUBuffer)[] }
  | { readonly act: () => void };

/**
 * Floating-point operations submitted at once on a software driver, about a third of a second:
 * waiting for the device blocks the thread, and a signal is heard only in between.
 */
const SOFTWARE_SLICE_FLOPS = 4e9;

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
  /** How long `read` has taken so far. */
  readonly waited: Waited = { compute: 0, readback: 0 };

  readonly #gpu: GpuDevice;
  readonly #tile: Tile;
  readonly #sliceFlops: number;
  readonly #textures = new Map<Value | Weight, GPUTexture>();
  readonly #temporaries = new Map<string, GPUTexture>();
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();
  readonly #buffers: IndexBuffers;
  #index: BatchIndex | undefined;
  #steps: Step[] = [];
  /** Freed textures that something recorded still needs. */
  readonly #doomed = new Set<GPUTexture>();
  #lastRead: Promise<unknown> = Promise.resolve();
  #readsInFlight = 0;
  #uploaded = 0;
  #destroyed = false;

  /**
   * Makes a backend of a device.
   *
   * @param gpu The device; the backend destroys it.
   * @param options What may be chosen.
   */
  constructor(
    gpu: GpuDevice,
    { maxTokens, minTokens = 1, tile, sliceFlops }: WebGpuOptions = {},
  ) {
    this.#gpu = gpu;
    this.#tile = tile ?? (gpu.software ? 16 : 8);
    this.#sliceFlops = sliceFlops ?? (gpu.software ? SOFTWARE_SLICE_FLOPS : Infinity);
    this.software = gpu.software;
    this.description = gpu.description;
    this.maxTokens = maxTokens ?? Math.max(minTokens, gpu.software ? 1024 : 4096);
    const limit = gpu.device.limits.maxTextureDimension2D;
    if (this.maxTokens > limit) {
      gpu.destroy();
      throw new RangeError(
        `Cannot open a backend for batches of ${this.maxTokens} tokens: ` +
          `the device holds ${limit}, expected at most as many`,
      );
    }
    this.#buffers = new IndexBuffers(gpu.device, this.maxTokens);
  }

  /** {@inheritDoc Backend.weight} */
  weight(label: string, data: Float32Array, rows: number, cols: number): Weight {
    this.#assertAlive("make a weight");
    checkMatrix(label, data.length, rows, cols);
    const texture = createMatrix(this.#gpu.device, label, rows, cols);
    const texels = padRows(data, cols);
    fillMatrix(this.#gpu.device, texture, texels);
    this.#uploaded += texels.byteLength;
    if (this.#uploaded > UPLOAD_BYTES) {
      this.#gpu.device.queue.submit([]);
      this.#uploaded = 0;
    }
    const weight = { label, rows, cols };
    this.#textures.set(weight, texture);
    return weight;
  }

  /** {@inheritDoc Backend.value} */
  value(label: string, rowsFollow: "tokens" | "sequences", cols: number): Value {
    this.#assertAlive("make a value");
    checkMatrix(label, cols, 1, cols);
    const value = { label, rowsFollow, cols };
    this.#textures.set(value, createMatrix(this.#gpu.device, label, this.maxTokens, cols));
    return value;
  }

  /** {@inheritDoc Backend.begin} */
  begin(batch: RaggedBatch): void {
    this.#assertAlive("begin a batch");
    checkBatch(batch, this.maxTokens);
    const index = indexBatch(batch);
    this.#index = index;
    this.#steps.push({ act: () => this.#buffers.fill(index) });
  }

  /** {@inheritDoc Backend.write} */
  write(value: Value, data: Float32Array): void {
    this.#assertAlive("write");
    const texture = this.#texture(value);
    checkMatrix(value.label, data.length, usedRows(value, this.#current().counts), value.cols);
    const texels = padRows(data, value.cols);
    this.#steps.push({ act: () => fillMatrix(this.#gpu.device, texture, texels) });
  }

  /** {@inheritDoc Backend.run} */
  run(op: Op): void {
    this.#assertAlive(`run ${op.op}`);
    checkOp(op);
    const dispatches = dispatchesOf(op, this.#current().counts, this.#tile);
    const steps = dispatches.map((dispatch) => ({
      dispatch,
      resources: dispatch.bindings.map((binding) => this.#resource(binding)),
    }));
    this.#steps.push(...steps);
  }

  /** {@inheritDoc Backend.read} */
  async read(values: readonly Value[]): Promise<Float32Array<ArrayBuffer>[]> {
    this.#assertAlive("read");
    const { counts } = this.#current();
    const requests = values.map((value) => ({
      texture: this.#texture(value),
      rows: usedRows(value, counts),
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
    const texture = this.#textures.get(resource);
    if (texture === undefined) return;
    this.#textures.delete(resource);
    if (this.#steps.length === 0 && this.#readsInFlight === 0) {
      texture.destroy();
      return;
    }
    this.#doomed.add(texture);
    this.#steps.push({ act: () => this.#doomed.delete(texture) && texture.destroy() });
  }

  /** {@inheritDoc Backend.destroy} */
  destroy(): void {
    if (this.#destroyed) return;
    this.#destroyed = true;
    this.#steps = [];
    for (const textures of [this.#textures, this.#temporaries, this.#doomed]) {
      for (const texture of textures.values()) texture.destroy();
      textures.clear();
    }
    this.#buffers[Symbol.dispose]();
    this.#gpu.destroy();
  }

  /** Compiles what is needed, submits everything in order and reads. */
  async #execute(
    steps: readonly Step[],
    requests: readonly ReadRequest[],
  ): Promise<Float32Array<ArrayBuffer>[]> {
    const started = performance.now();
    const pipelines = await Promise.all(
      steps.map((step) => "dispatch" in step ? this.#pipeline(step.dispatch) : undefined),
    );
    this.#assertAlive("read");
    const { device } = this.#gpu;
    using readback = new Readback(device, requests);
    let encoder = device.createCommandEncoder();
    let pass: GPUComputePassEncoder | undefined;
    let flops = 0;
    const submit = () => {
      pass?.end();
      device.queue.submit([encoder.finish()]);
      encoder = device.createCommandEncoder();
      [pass, flops] = [undefined, 0];
    };
    for (const [i, step] of steps.entries()) {
      if ("act" in step) {
        if (pass !== undefined) submit(); // the queue's own acts would overtake what is recorded
        step.act();
        continue;
      }
      if (flops > 0 && flops + step.dispatch.flops > this.#sliceFlops) {
        submit();
        await this.#gpu.wait(device.queue.onSubmittedWorkDone());
        this.#assertAlive("read");
      }
      pass ??= encoder.beginComputePass();
      flops += step.dispatch.flops;
      this.#encode(pass, pipelines[i]!, step);
    }
    pass?.end();
    readback.record(encoder);
    device.queue.submit([encoder.finish()]);
    await this.#gpu.wait(readback.map());
    const mapped = performance.now();
    const values = readback.take();
    this.waited.compute += (mapped - started) / 1000;
    this.waited.readback += (performance.now() - mapped) / 1000;
    return values;
  }

  #encode(
    pass: GPUComputePassEncoder,
    pipeline: GPUComputePipeline,
    { dispatch: { label, workgroups }, resources }: Extract<Step, { dispatch: Dispatch }>,
  ): void {
    const entries = resources.map((resource, binding) => ({
      binding,
      resource: "createView" in resource ? resource.createView() : { buffer: resource },
    }));
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      this.#gpu.device.createBindGroup({
        label,
        layout: pipeline.getBindGroupLayout(0),
        entries,
      }),
    );
    pass.dispatchWorkgroups(...workgroups);
  }

  #pipeline({ kernel, constants }: Dispatch): Promise<GPUComputePipeline> {
    const key = kernel.name + JSON.stringify(constants);
    let pipeline = this.#pipelines.get(key);
    if (pipeline === undefined) {
      pipeline = this.#gpu.compile(kernel.name, kernel.code(), constants);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }

  #resource(binding: Binding): GPUTexture | GPUBuffer {
    if (typeof binding === "string") return this.#buffers[binding];
    if (!("temporary" in binding)) return this.#texture(binding);
    const label = `${binding.temporary} [${binding.cols}]`;
    let texture = this.#temporaries.get(label);
    if (texture === undefined) {
      texture = createMatrix(this.#gpu.device, label, this.maxTokens, binding.cols);
      this.#temporaries.set(label, texture);
    }
    return texture;
  }

  #texture(resource: Value | Weight): GPUTexture {
    const texture = this.#textures.get(resource);
    if (texture !== undefined) return texture;
    throw new TypeError(
      `Cannot use "${resource.label}": it was freed or belongs to another backend, ` +
        `expected one that this backend made`,
    );
  }

  #current(): BatchIndex {
    if (this.#index !== undefined) return this.#index;
    throw new TypeError("Cannot use values: no batch was begun: call begin() first");
  }

  #assertAlive(action: string): void {
    if (!this.#destroyed) return;
    throw new DeviceError(
      `Cannot ${action}: the backend was destroyed, expected an open one: open another`,
      { code: "device-error" },
    );
  }
}
