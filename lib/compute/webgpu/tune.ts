/**
 * Which kernels a GPU runs fastest, measured once.
 *
 * @module
 */

import { KERNEL_PLANS, type PlanName, workgroupBytes } from "../ops/plan.ts";
import { WebGpuBackend } from "./backend.ts";
import type { GpuDevice } from "./device.ts";
import type { ElementType } from "./matrix.ts";

/** Where measurements are kept from one run to the next; the caller decides how. */
export interface TuningCache {
  /**
   * Looks up what was kept.
   *
   * @param key Names adapter, driver and precision.
   * @returns What was kept, or undefined.
   */
  get(key: string): Promise<string | undefined>;
  /**
   * Keeps a finding.
   *
   * @param key Names adapter, driver and precision.
   * @param finding What to give back for the key.
   */
  set(key: string, finding: string): Promise<void>;
}

/** Rows, columns and inner dimension of the product that is timed: a batch of a base model. */
const PRODUCT = { rows: 4096, cols: 768, inner: 768 };

/** How long a plan is timed, in milliseconds, and how often at most. */
const TIMED_MS = 20;
const MAX_REPEATS = 64;

/**
 * Finds the fastest plan for a device: what was found before, or a measurement of about a second.
 *
 * @param gpu The device; it stays open.
 * @param precision The element type of the matrices.
 * @param cache Where findings are kept.
 * @param measure Times a plan, in anything that is more for a faster one.
 * @returns The name of the plan.
 * @throws {DeviceError} When the device fails.
 */
export async function tunePlan(
  gpu: GpuDevice,
  precision: ElementType,
  cache: TuningCache,
  measure: typeof timePlan = timePlan,
): Promise<PlanName> {
  const key = `${gpu.identity}/${precision}`;
  const known = await cache.get(key);
  const candidates = candidatesFor(gpu, precision);
  const kept = candidates.find((plan) => plan === known);
  if (kept !== undefined) return kept;
  const speeds = new Map<PlanName, number>();
  for (const plan of candidates) speeds.set(plan, await measure(gpu, plan, precision));
  const best = candidates.reduce((a, b) => speeds.get(b)! > speeds.get(a)! ? b : a);
  await cache.set(key, best);
  return best;
}

/**
 * The plans that a device can run.
 *
 * @param gpu The device.
 * @param precision The element type of the matrices; textures hold f32 only.
 * @returns Their names, at least one.
 */
export function candidatesFor(gpu: GpuDevice, precision: ElementType): PlanName[] {
  const { maxComputeWorkgroupStorageSize: bytes } = gpu.device.limits;
  return (Object.keys(KERNEL_PLANS) as PlanName[]).filter((name) => {
    const plan = KERNEL_PLANS[name];
    return workgroupBytes(plan) <= bytes && (precision === "f32" || plan.family === "buffers");
  });
}

/**
 * Times a plan's matrix product.
 *
 * @param gpu The device; it stays open.
 * @param plan The plan's name.
 * @param precision The element type of the matrices.
 * @returns Billions of floating-point operations a second, compiling left out.
 * @throws {DeviceError} When the device fails.
 */
export async function timePlan(
  gpu: GpuDevice,
  plan: PlanName,
  precision: ElementType,
): Promise<number> {
  const { rows, cols, inner } = PRODUCT;
  const backend = new WebGpuBackend(gpu, { plan, precision, maxTokens: rows, keepDevice: true });
  try {
    const weight = backend.weight("tuned weight", waves(cols * inner), cols, inner);
    const bias = backend.weight("tuned bias", waves(cols), 1, cols);
    const x = backend.value("tuned input", "tokens", inner);
    const y = backend.value("tuned output", "tokens", cols);
    const probe = backend.value("probe", "sequences", 1);
    backend.begin({ tokens: rows, starts: Uint32Array.of(0, rows) });
    backend.write(x, waves(rows * inner));
    const time = async (repeats: number) => {
      const started = performance.now();
      for (let i = 0; i < repeats; i++) {
        backend.run({ op: "linear", x, weight, bias, activation: "none", y });
      }
      await backend.read([probe]);
      return performance.now() - started;
    };
    await time(1); // compiles
    const idle = await time(0);
    const once = Math.max(0.1, await time(1) - idle);
    const repeats = Math.ceil(Math.min(MAX_REPEATS, 1 + TIMED_MS / once));
    const spent = Math.max(0.1, await time(repeats) - idle);
    return repeats * 2 * rows * cols * inner / spent / 1e6;
  } finally {
    backend.destroy();
  }
}

/** Small numbers, none of them special. */
function waves(length: number): Float32Array {
  return Float32Array.from({ length }, (_, i) => ((i * 31) % 17 - 8) / 64);
}
