/**
 * Putting rows among zeros in WebAssembly.
 *
 * @module
 */

import { V128 } from "../../assembler/expressions.ts";
import type { ModuleBuilder } from "../../assembler/module.ts";
import { defineKernel, type KernelSpec } from "../job.ts";
import { forEachVector } from "../row_sums.ts";

/** What the kernel is told; strides and addresses are in bytes. */
export type ScatterInt = "x" | "starts" | "selected" | "y" | "stride";

/** The kernel of `scatter`: a chunk is the rows of one sequence. */
export const SCATTER: KernelSpec<ScatterInt, never> = {
  name: "scatter",
  ints: ["x", "starts", "selected", "y", "stride"],
  floats: [],
};

/** Adds the kernel of `scatter`. */
export function defineScatter(module: ModuleBuilder): void {
  defineKernel(module, SCATTER, (f, { x, starts, selected, y, stride }, { chunk }) => {
    const start = starts.add(chunk.shl(2));
    const from = f.let(y.add(start.loadI32().mul(stride)));
    const bytes = f.let(start.loadI32(4).mul(stride).add(y).sub(from));
    forEachVector(f, bytes, (offset) => f.store(from.add(offset), V128.zero()));
    const row = selected.add(chunk.shl(2)).loadI32();
    f.copy(y.add(row.mul(stride)), x.add(chunk.mul(stride)), stride);
  });
}
