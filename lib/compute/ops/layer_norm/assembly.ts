/**
 * LayerNorm in WebAssembly, four columns at a time.
 *
 * @module
 */

import { F32, type I32, V128 } from "../../assembler/expressions.ts";
import type { FunctionBuilder, ModuleBuilder } from "../../assembler/module.ts";
import { defineKernel, F32_BYTES, type KernelSpec } from "../job.ts";
import { firstLanes, sumOf } from "../vector_math.ts";

const VECTOR_BYTES = 16;
const LANES = 4;

/** What the kernel is told: `residual` is 0 for none, and rows are `stride` bytes apart. */
export type LayerNormInt =
  | "x"
  | "residual"
  | "weight"
  | "bias"
  | "y"
  | "stride"
  | "rows"
  | "cols"
  | "rowsPerChunk";

/** The kernel of `layerNorm`. */
export const LAYER_NORM: KernelSpec<LayerNormInt, "eps"> = {
  name: "layerNorm",
  ints: ["x", "residual", "weight", "bias", "y", "stride", "rows", "cols", "rowsPerChunk"],
  floats: ["eps"],
};

/** Adds the kernel of `layerNorm`. */
export function defineLayerNorm(module: ModuleBuilder): void {
  defineKernel(module, LAYER_NORM, (f, args, { chunk }) => {
    const begin = f.let(chunk.mul(args.rowsPerChunk));
    const end = f.let(begin.add(args.rowsPerChunk).min(args.rows));
    const bytes = f.let(args.cols.mul(F32_BYTES));
    f.for(begin, end, 1, (row) => {
      const at = f.let(row.mul(args.stride));
      const x = f.let(args.x.add(at));
      const y = f.let(args.y.add(at));
      f.when(
        args.residual,
        () =>
          forEachVector(f, bytes, (i) =>
            f.store(
              y.add(i),
              x.add(i).load().add(
                args.residual.add(at).add(i).load(),
              ),
            )),
        () => f.copy(y, x, bytes),
      );
      const mean = f.let(meanOf(f, y, args.cols));
      const variance = meanSquare(f, y, mean, args.cols);
      const gain = f.let(F32.of(1).div(variance.add(args.eps).sqrt()).splat());
      forEachVector(f, bytes, (i) => {
        const normal = y.add(i).load().sub(mean).mul(gain);
        f.store(y.add(i), f.madd(normal, args.weight.add(i).load(), args.bias.add(i).load()));
      });
    });
  });
}

/** Calls back with the offset of each four columns, the spare ones of the last included. */
function forEachVector(f: FunctionBuilder, bytes: I32, body: (offset: I32) => void): void {
  f.for(0, bytes, VECTOR_BYTES, body);
}

/**
 * The mean of a row, in all lanes. It is taken relative to the row's first number, so that a row of
 * equal numbers has exactly their mean.
 */
function meanOf(f: FunctionBuilder, row: I32, cols: I32): V128 {
  const first = f.let(row.loadSplat());
  const sum = sumOverRow(f, row, cols, (x) => x.sub(first));
  return first.add(sum.div(cols.toF32()).splat());
}

/** The mean of the squares of a row less its mean. */
function meanSquare(f: FunctionBuilder, row: I32, mean: V128, cols: I32): F32 {
  const sum = sumOverRow(f, row, cols, (x) => {
    const d = f.let(x.sub(mean));
    return d.mul(d);
  });
  return sum.div(cols.toF32());
}

/** Sums a function of the row's numbers; spare columns do not count. */
function sumOverRow(f: FunctionBuilder, row: I32, cols: I32, term: (x: V128) => V128): F32 {
  const whole = f.let(cols.and(-LANES).mul(F32_BYTES));
  const sum = f.let(V128.zero());
  forEachVector(f, whole, (i) => f.set(sum, sum.add(term(row.add(i).load()))));
  const rest = f.let(cols.and(LANES - 1));
  f.when(rest, () => {
    const tail = f.let(term(row.add(whole).load()));
    f.set(sum, sum.add(tail.and(firstLanes(rest))));
  });
  return sumOf(sum);
}
