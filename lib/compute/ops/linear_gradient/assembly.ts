/**
 * The gradient of a linear layer's weight and bias in WebAssembly: sums over the rows, a tile of 4x8
 * numbers of the weight, or eight of the bias, at a time.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { loadEight, storeFirst, zeroSums } from "../column_sums.ts";
import { defineKernel, F32_BYTES, type KernelSpec, PANEL } from "../job.ts";

const PANEL_BYTES = PANEL * F32_BYTES;

/** Columns of `dy` that a tile of the weight's gradient covers. */
export const TILE_OUTPUTS = 4;
const OUTPUTS = [0, 1, 2, 3] as const;

/** What the first kernel is told; strides and addresses are in bytes. */
export type WeightGradientInt =
  | "x"
  | "xStride"
  | "dy"
  | "dyStride"
  | "gradient"
  | "rows"
  | "inner" // columns of x, in elements
  | "cols" // columns of dy, in elements
  | "tiles" // of the whole weight
  | "tilesAcross" // that share their columns of dy
  | "tilesPerChunk";

/** Sums the products of every column of `dy` and every column of `x`. */
export const WEIGHT_GRADIENT: KernelSpec<WeightGradientInt, never> = {
  name: "weightGradient",
  ints: [
    "x",
    "xStride",
    "dy",
    "dyStride",
    "gradient",
    "rows",
    "inner",
    "cols",
    "tiles",
    "tilesAcross",
    "tilesPerChunk",
  ],
  floats: [],
};

/** What the second kernel is told. */
export type BiasGradientInt = "dy" | "dyStride" | "gradient" | "rows" | "cols";

/** Sums the columns of `dy`: a chunk is eight of them. */
export const BIAS_GRADIENT: KernelSpec<BiasGradientInt, never> = {
  name: "biasGradient",
  ints: ["dy", "dyStride", "gradient", "rows", "cols"],
  floats: [],
};

/** Adds the kernels of `linearGradient`. */
export function defineLinearGradient(module: ModuleBuilder): void {
  defineKernel(module, WEIGHT_GRADIENT, (f, args, { chunk }) => {
    const { inner } = args;
    const begin = f.let(chunk.mul(args.tilesPerChunk));
    const end = f.let(begin.add(args.tilesPerChunk).min(args.tiles));
    f.for(begin, end, 1, (tile) => {
      const n = f.let(tile.div(args.tilesAcross).mul(TILE_OUTPUTS));
      const k = f.let(tile.rem(args.tilesAcross).mul(PANEL));
      const x = f.let(args.x.add(k.mul(F32_BYTES)));
      const dy = f.let(args.dy.add(n.mul(F32_BYTES)));
      const sums = OUTPUTS.map(() => zeroSums(f));
      f.for(0, args.rows, 1, () => {
        const numbers = loadEight(f, x);
        for (const i of OUTPUTS) {
          const slope = f.let(dy.loadSplat(i * F32_BYTES));
          for (const half of [0, 1] as const) {
            f.set(sums[i]![half], f.madd(slope, numbers[half], sums[i]![half]));
          }
        }
        f.set(x, x.add(args.xStride));
        f.set(dy, dy.add(args.dyStride));
      });
      for (const i of OUTPUTS) {
        f.when(n.add(i).lt(args.cols), () => {
          const to = f.let(args.gradient.add(n.add(i).mul(inner).add(k).mul(F32_BYTES)));
          storeFirst(f, to, sums[i]!, f.let(inner.sub(k)));
        });
      }
    });
  });
  defineKernel(module, BIAS_GRADIENT, (f, args, { chunk }) => {
    const offset = f.let(chunk.mul(PANEL_BYTES));
    const dy = f.let(args.dy.add(offset));
    const sums = zeroSums(f);
    f.for(0, args.rows, 1, () => {
      for (const [half, slopes] of loadEight(f, dy).entries()) {
        f.set(sums[half]!, sums[half]!.add(slopes));
      }
      f.set(dy, dy.add(args.dyStride));
    });
    storeFirst(f, args.gradient.add(offset), sums, f.let(args.cols.sub(chunk.mul(PANEL))));
  });
}
