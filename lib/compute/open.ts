/**
 * Choosing a backend.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import type { Backend } from "./backend.ts";
import { ReferenceBackend } from "./reference/backend.ts";
import { WebGpuBackend } from "./webgpu/backend.ts";
import { GpuDevice } from "./webgpu/device.ts";

/** What a caller may ask for: a backend, or whichever is there. */
export type DeviceName = "auto" | "webgpu" | "reference";

/** What may be chosen when a backend is opened. */
export interface OpenBackendOptions {
  /** Tokens that a batch may hold; a size that suits the backend when left out. */
  readonly maxTokens?: number;
  /** Tokens of the longest sequence: the backend's own size is raised to hold it. */
  readonly minTokens?: number;
  /** Told in one line when `auto` falls back to the reference. */
  readonly onFallback?: (message: string) => void;
}

/**
 * Opens a backend. `auto` takes WebGPU when there is an adapter, and else the reference.
 *
 * @param device Which one.
 * @param options What may be chosen.
 * @returns The backend; the caller destroys it.
 * @throws {DeviceError} When `webgpu` is asked for and no adapter is there, or it gives no device.
 * @throws {RangeError} When `maxTokens` is not a positive integer or more than the device holds.
 *
 * @example Multiply by a weight
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openBackend } from "tinygraft";
 *
 * const backend = await openBackend("reference");
 * const x = backend.value("x", "tokens", 2);
 * const y = backend.value("y", "tokens", 1);
 * const weight = backend.weight("weight", Float32Array.of(3, 4), 1, 2);
 * const bias = backend.weight("bias", Float32Array.of(0.5), 1, 1);
 * backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
 * backend.write(x, Float32Array.of(1, 2));
 * backend.run({ op: "linear", x, weight, bias, activation: "none", y });
 * assertEquals(await backend.read([y]), [Float32Array.of(11.5)]);
 * backend.destroy();
 * ```
 */
export async function openBackend(
  device: DeviceName,
  { maxTokens, minTokens, onFallback }: OpenBackendOptions = {},
): Promise<Backend> {
  if (maxTokens !== undefined && !(Number.isSafeInteger(maxTokens) && maxTokens > 0)) {
    throw new RangeError(
      `Cannot open a backend: maxTokens is ${maxTokens}, expected a positive integer`,
    );
  }
  const sized = {
    ...(maxTokens === undefined ? {} : { maxTokens }),
    ...(minTokens === undefined ? {} : { minTokens }),
  };
  if (device === "reference") return new ReferenceBackend(sized);
  const gpu = await GpuDevice.open();
  if (gpu !== undefined) return new WebGpuBackend(gpu, sized);
  if (device === "webgpu") {
    throw new DeviceError(
      "Cannot open a WebGPU device: no adapter was found, expected a GPU or a software driver: " +
        "install one (Debian: mesa-vulkan-drivers), or use the reference",
      { code: "no-adapter-device" },
    );
  }
  onFallback?.("no WebGPU adapter: using the reference backend, which is slow");
  return new ReferenceBackend(sized);
}
