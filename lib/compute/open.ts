/**
 * Choosing a backend.
 *
 * @module
 */

import { DeviceError } from "../errors.ts";
import type { Backend } from "./backend.ts";
import { ReferenceBackend } from "./reference/backend.ts";
import { WasmBackend } from "./wasm/backend.ts";
import { detectTarget } from "./wasm/features.ts";
import { hasGpu } from "./webgpu/device.ts";
import type { ElementType } from "./webgpu/matrix.ts";
import type { TuningCache } from "./webgpu/tune.ts";
import { openWebGpuInWorker } from "./webgpu/worker_backend.ts";

/** What a caller may ask for: a backend, or whichever is there. */
export type DeviceName = "auto" | "webgpu" | "wasm" | "reference";

/** What may be chosen when a backend is opened. */
export interface OpenBackendOptions {
  /** Tokens that a batch may hold; a size that suits the backend when left out. */
  readonly maxTokens?: number;
  /** Tokens of the longest sequence: the backend's own size is raised to hold it. */
  readonly minTokens?: number;
  /**
   * Element type of weights and activations, f32 when left out; f16 is for WebGPU on adapters that
   * have it. Sums are f32 in any case.
   */
  readonly precision?: ElementType;
  /** Where to keep which kernels are fastest on a GPU; without it none is measured. */
  readonly tuning?: TuningCache;
  /**
   * Threads of `wasm`; one a core when left out. Results do not depend on it.
   */
  readonly threads?: number;
  /** Told in one line when `auto` falls back to the reference. */
  readonly onFallback?: (message: string) => void;
}

/**
 * Opens a backend. `auto` takes WebGPU where a GPU is, and else WebAssembly, which is quicker than
 * WebGPU on a software driver; with f16 it takes WebGPU on any adapter. WebGPU runs in a worker,
 * which keeps the process from ending until the backend is destroyed; where a worker cannot load
 * the library, as in a bundle of one file, it runs on the caller's thread.
 *
 * @param device Which one.
 * @param options What may be chosen.
 * @returns The backend; the caller destroys it.
 * @throws {DeviceError} When `webgpu` is asked for and no adapter is there, or it gives no device;
 * when f16 is asked for and is not there.
 * @throws {RangeError} When `maxTokens` or `threads` is not a positive integer, or the device does
 * not hold as many tokens.
 *
 * @example Multiply by a weight
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { openBackend } from "tinygraft";
 *
 * const backend = await openBackend("wasm");
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
  { maxTokens, minTokens, precision = "f32", tuning, threads, onFallback }: OpenBackendOptions = {},
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
  // No worker is started only to learn that there is no GPU.
  const anyAdapter = device === "webgpu" || (device === "auto" && precision === "f16");
  if (anyAdapter || (device === "auto" && await hasGpu())) {
    const gpu = await openWebGpuInWorker({ ...sized, precision, ...(tuning ? { tuning } : {}) });
    if (gpu !== undefined) return gpu;
  }
  assertSinglePrecision(precision);
  if (device === "webgpu") {
    throw new DeviceError(
      "Cannot open a WebGPU device: no adapter was found, expected a GPU or a software driver: " +
        "install one (Debian: mesa-vulkan-drivers), or use wasm",
      { code: "no-adapter-device" },
    );
  }
  if (device === "wasm" || (device === "auto" && detectTarget() !== undefined)) {
    return new WasmBackend({ ...sized, ...(threads === undefined ? {} : { threads }) });
  }
  if (device === "auto") {
    onFallback?.(
      "no GPU, and WebAssembly without SIMD or shared memory: using the reference backend, " +
        "which is slow",
    );
  }
  return new ReferenceBackend(sized);
}

function assertSinglePrecision(precision: ElementType): void {
  if (precision === "f32") return;
  throw new DeviceError(
    `Cannot compute in ${precision}: no WebGPU adapter is used, expected one that offers 16-bit ` +
      `floats: compute in f32, or use the device webgpu`,
    { code: "no-half-precision" },
  );
}
