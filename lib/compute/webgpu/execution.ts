/**
 * Carrying out what was recorded: room first, then kernels, then everything in order.
 *
 * @module
 */

import type { Dispatch } from "../ops/dispatch.ts";
import type { BindGroups } from "./bind_groups.ts";
import type { GpuDevice } from "./device.ts";
import type { Kernels } from "./kernels.ts";
import type { Matrix } from "./matrix.ts";
import { Readback, type ReadRequest } from "./readback.ts";

/** Rows of a matrix that something uses. */
export type RowsInUse = ReadRequest;

/** Something recorded: a dispatch with what it is bound to, or another act of the queue. */
export type Step =
  | { readonly dispatch: Dispatch; readonly resources: readonly (RowsInUse | GPUBuffer)[] }
  | { readonly act: () => void; readonly fills?: RowsInUse }
  | { readonly free: () => void };

/** How steps are handed to the device. */
export interface Slices {
  /** Floating-point operations submitted at once. */
  readonly flops: number;
  /** Whether to wait for each slice, so that others get a turn. */
  readonly wait: boolean;
}

/**
 * Carries steps out and copies matrices for reading.
 *
 * @param gpu The device.
 * @param kernels Its kernels.
 * @param steps What was recorded.
 * @param requests What to read.
 * @param options How to hand the steps over, and a check that throws when the work is to end.
 * @returns The copies, on their way; the caller disposes of them.
 * @throws {DeviceError} With code `out-of-memory` when there is no room: then nothing was done but
 * to free what was to be freed, and matrices have what they had. Or with a fault of the device.
 */
export async function execute(
  gpu: GpuDevice,
  kernels: Kernels,
  steps: readonly Step[],
  requests: readonly ReadRequest[],
  { slices, check }: { readonly slices: Slices; readonly check: () => void },
): Promise<Readback> {
  let readback: Readback | undefined;
  try {
    await reserve(gpu, steps, requests, () => readback = new Readback(gpu, requests));
    check();
    const pipelines = await Promise.all(steps.map((step) => pipelineOf(kernels, step)));
    check();
    const submission = new Submission(gpu.device, kernels.bindGroups);
    for (const [i, step] of steps.entries()) {
      if (!("dispatch" in step)) {
        submission.flush(); // the queue's own acts would overtake what is recorded
        "act" in step ? step.act() : step.free();
        continue;
      }
      if (submission.flops > 0 && submission.flops + step.dispatch.flops > slices.flops) {
        submission.flush();
        if (slices.wait) await gpu.wait(gpu.device.queue.onSubmittedWorkDone());
        check();
      }
      submission.add(step, pipelines[i]!);
    }
    submission.flush((encoder) => readback!.record(encoder));
    return readback!;
  } catch (error) {
    readback?.[Symbol.dispose]();
    for (const step of steps) if ("free" in step) step.free();
    throw error;
  }
}

/** Makes room for everything that is used, all or nothing. */
async function reserve(
  gpu: GpuDevice,
  steps: readonly Step[],
  requests: readonly ReadRequest[],
  makeReadback: () => void,
): Promise<void> {
  const reservations = [];
  try {
    for (const [matrix, rows] of mostRows(steps, requests)) {
      reservations.push(matrix.reserve(rows));
    }
    makeReadback();
    await gpu.settle();
  } catch (error) {
    for (const reservation of reservations) reservation?.cancel();
    throw error;
  }
  for (const reservation of reservations) reservation?.adopt();
}

/** The most rows of each matrix that are used. */
function mostRows(steps: readonly Step[], requests: readonly ReadRequest[]): Map<Matrix, number> {
  const most = new Map<Matrix, number>();
  const use = ({ matrix, rows }: RowsInUse) =>
    most.set(matrix, Math.max(rows, most.get(matrix) ?? 0));
  for (const step of steps) {
    if ("act" in step && step.fills !== undefined) use(step.fills);
    if (!("dispatch" in step)) continue;
    for (const resource of step.resources) if ("matrix" in resource) use(resource);
  }
  requests.forEach(use);
  return most;
}

function pipelineOf(kernels: Kernels, step: Step): Promise<GPUComputePipeline> | undefined {
  if (!("dispatch" in step)) return undefined;
  const types = step.resources.map((resource) =>
    "matrix" in resource ? resource.matrix.type : undefined
  );
  return kernels.get(step.dispatch, types);
}

/** Dispatches on their way to the device. */
class Submission {
  /** Floating-point operations recorded and not yet submitted. */
  flops = 0;
  readonly #device: GPUDevice;
  readonly #bindGroups: BindGroups;
  #encoder: GPUCommandEncoder | undefined;
  #pass: GPUComputePassEncoder | undefined;

  constructor(device: GPUDevice, bindGroups: BindGroups) {
    this.#device = device;
    this.#bindGroups = bindGroups;
  }

  /** Records a dispatch. */
  add(
    { dispatch: { label, workgroups, flops }, resources }: Extract<Step, { dispatch: Dispatch }>,
    pipeline: GPUComputePipeline,
  ): void {
    this.#encoder ??= this.#device.createCommandEncoder();
    this.#pass ??= this.#encoder.beginComputePass();
    this.flops += flops;
    const bound = resources.map((resource) =>
      "matrix" in resource ? resource.matrix.binding(resource.rows) : { buffer: resource }
    );
    this.#pass.setPipeline(pipeline);
    this.#pass.setBindGroup(0, this.#bindGroups.get(pipeline, label, bound));
    this.#pass.dispatchWorkgroups(...workgroups);
  }

  /** Submits what is recorded, and what is added at its end. */
  flush(end?: (encoder: GPUCommandEncoder) => void): void {
    if (end !== undefined) this.#encoder ??= this.#device.createCommandEncoder();
    if (this.#encoder === undefined) return;
    this.#pass?.end();
    end?.(this.#encoder);
    this.#device.queue.submit([this.#encoder.finish()]);
    [this.#encoder, this.#pass, this.flops] = [undefined, undefined, 0];
  }
}
