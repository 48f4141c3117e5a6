/**
 * Opening the WebGPU backend with the kernels that suit the adapter.
 *
 * @module
 */

import type { BatchSize } from "../backend.ts";
import { WebGpuBackend } from "./backend.ts";
import { GpuDevice } from "./device.ts";
import type { ElementType } from "./matrix.ts";
import { tunePlan, type TuningCache } from "./tune.ts";

/** What may be chosen when WebGPU is opened. */
export interface OpenWebGpuOptions extends BatchSize {
  /** Element type of weights and activations; f32 when left out. Sums are f32 in any case. */
  readonly precision?: ElementType;
  /** Where to keep which kernels are fastest; without it a GPU is not measured. */
  readonly tuning?: TuningCache;
}

/**
 * Opens WebGPU: on a software driver with textures, on a GPU with the plan that was measured to be
 * the fastest, or a sound one.
 *
 * @param options What may be chosen.
 * @returns The backend, which the caller destroys; undefined when there is no such adapter.
 * @throws {DeviceError} When the adapter gives no device, fails, or has no f16 where it is asked for.
 * @throws {RangeError} When `maxTokens` is more than the device holds.
 */
export async function openWebGpu(
  { precision = "f32", tuning, ...size }: OpenWebGpuOptions = {},
): Promise<WebGpuBackend | undefined> {
  const gpu = await GpuDevice.open({ f16: precision === "f16" });
  if (gpu === undefined) return undefined;
  const options = { ...size, precision };
  if (gpu.software || tuning === undefined || (precision === "f16" && !gpu.f16)) {
    return new WebGpuBackend(gpu, options);
  }
  try {
    const plan = await tunePlan(gpu, precision, tuning);
    return new WebGpuBackend(gpu, { ...options, plan });
  } catch (error) {
    gpu.destroy();
    throw error;
  }
}
