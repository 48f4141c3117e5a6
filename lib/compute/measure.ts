/**
 * How quick a backend is: one short matrix product, for `doctor`.
 *
 * @module
 */

import type { Backend } from "./backend.ts";

const ROWS = 128;
const INNER = 384;
const COLS = 384;

/**
 * Measures a linear layer of `[128, 384] · [384, 384]ᵀ`, waiting for it as a batch would.
 *
 * @param backend The backend; what is made on it is freed.
 * @param repeats Products recorded before one wait, so that the wait's own cost is spread.
 * @returns Billions of floating-point operations a second; kernels are compiled beforehand.
 * @throws {DeviceError} when the device fails.
 */
export async function measureLinear(backend: Backend, repeats: number): Promise<number> {
  const data = Float32Array.from({ length: COLS * INNER }, (_, i) => ((i * 31) % 17 - 8) / 64);
  const weight = backend.weight("measured weight", data, COLS, INNER);
  const bias = backend.weight("measured bias", new Float32Array(COLS), 1, COLS);
  const x = backend.value("measured input", "tokens", INNER);
  const y = backend.value("measured output", "tokens", COLS);
  const product = () => backend.run({ op: "linear", x, weight, bias, activation: "none", y });
  backend.begin({ tokens: ROWS, starts: Uint32Array.of(0, ROWS) });
  backend.write(x, data.subarray(0, ROWS * INNER));
  product();
  await backend.read([y]);
  const started = performance.now();
  for (let i = 0; i < repeats; i++) product();
  await backend.read([y]);
  const seconds = (performance.now() - started) / 1000;
  for (const resource of [weight, bias, x, y]) backend.free(resource);
  return (repeats * 2 * ROWS * INNER * COLS) / seconds / 1e9;
}
