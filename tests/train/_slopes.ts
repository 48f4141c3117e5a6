// Gradients against finite differences of the loss.

import { assert } from "@std/assert";
import type { Parameter } from "../../lib/train/optimizer.ts";
import { noise } from "../_noise.ts";

/** Steps of the five-point stencil, and what their losses count: an error of the fourth order. */
const STENCIL = [[1, 8], [-1, -8], [2, -1], [-2, 1]] as const;

/** How closely {@linkcode checkSlopes} looks. */
export interface SlopeOptions {
  /** How far the stencil reaches. */
  readonly reach?: number;
  /** Largest difference, relative to the largest gradient. */
  readonly tolerance?: number;
}

/**
 * Compares every tensor's gradient along a random direction with the loss's finite difference.
 * Hidden states are read in f32, so that differences of the loss are known to about 1e-7.
 */
export async function checkSlopes(
  parameters: readonly Parameter[],
  run: () => Promise<number>,
  { reach = 0.02, tolerance = 1e-5 }: SlopeOptions = {},
): Promise<void> {
  await run();
  const gradients = parameters.map(({ gradient }) => gradient.slice());
  const largest = Math.max(...gradients.map((gradient) => Math.hypot(...gradient)));
  for (const [index, { name, values }] of parameters.entries()) {
    const start = values.slice();
    const scale = 1 / Math.sqrt(values.length);
    const direction = noise(values.length, { seed: index + 1, scale });
    // The difference that f32 values really make, not the one that was asked for.
    const moved = new Float64Array(values.length);
    let slope = 0;
    for (const [factor, weight] of STENCIL) {
      for (let i = 0; i < values.length; i++) {
        values[i] = start[i]! + factor * reach * direction[i]!;
        moved[i]! += weight * (values[i]! - start[i]!) / (12 * reach);
      }
      slope += weight * await run() / (12 * reach);
    }
    values.set(start);
    const found = gradients[index]!.reduce((sum, each, i) => sum + each * moved[i]!, 0);
    const error = Math.abs(slope - found) / largest;
    assert(error <= tolerance, `${name}: ${found}, expected ${slope}, off by ${error}`);
  }
}
