/**
 * Compiled kernels of a device, each compiled once.
 *
 * @module
 */

import type { Dispatch } from "../ops/dispatch.ts";
import { BindGroups } from "./bind_groups.ts";
import type { GpuDevice } from "./device.ts";
import type { ElementType } from "./matrix.ts";

/** Compiles kernels when they are first needed and keeps them. */
export class Kernels {
  /** What the kernels are bound to. */
  readonly bindGroups: BindGroups;
  readonly #gpu: GpuDevice;
  readonly #pipelines = new Map<string, Promise<GPUComputePipeline>>();

  /**
   * Starts with none.
   *
   * @param gpu The device.
   */
  constructor(gpu: GpuDevice) {
    this.#gpu = gpu;
    this.bindGroups = new BindGroups(gpu.device);
  }

  /**
   * Gives the pipeline of a dispatch.
   *
   * @param dispatch The dispatch.
   * @param types The element type of each binding that is a matrix in a buffer.
   * @returns The pipeline.
   * @throws {DeviceError} When the kernel does not compile.
   */
  get(
    { kernel, constants }: Dispatch,
    types: readonly (ElementType | undefined)[],
  ): Promise<GPUComputePipeline> {
    const head = entryTypes(types);
    // A directive stands before everything else.
    const enable = types.includes("f16") ? "enable f16;\n" : "";
    const key = `${kernel.name} ${head} ${JSON.stringify(constants)}`;
    let pipeline = this.#pipelines.get(key);
    if (pipeline === undefined) {
      pipeline = this.#gpu.compile(kernel.name, enable + kernel.code() + head, constants);
      this.#pipelines.set(key, pipeline);
    }
    return pipeline;
  }
}

/** What kernels call the entry type of each binding, `Entry0`, `Entry1` and so on. */
function entryTypes(types: readonly (ElementType | undefined)[]): string {
  return types
    .map((type, i) => type === undefined ? "" : `\nalias Entry${i} = vec4<${type}>;`)
    .join("");
}
