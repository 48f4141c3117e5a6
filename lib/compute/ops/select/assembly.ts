/**
 * Taking rows of a matrix in WebAssembly.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { defineKernel, type KernelSpec } from "../job.ts";

/** What the kernel is told; strides and addresses are in bytes. */
export type SelectInt = "x" | "rows" | "y" | "stride" | "count";

/** The kernel of `select`: row `i` of `y` is row `rows[i]` of `x`. */
export const SELECT: KernelSpec<SelectInt, never> = {
  name: "select",
  ints: ["x", "rows", "y", "stride", "count"],
  floats: [],
};

/** Adds the kernel of `select`; its one chunk is all rows. */
export function defineSelect(module: ModuleBuilder): void {
  defineKernel(module, SELECT, (f, { x, rows, y, stride, count }) => {
    f.for(0, count, 1, (i) => {
      const row = rows.add(i.shl(2)).loadI32();
      f.copy(y.add(i.mul(stride)), x.add(row.mul(stride)), stride);
    });
  });
}
