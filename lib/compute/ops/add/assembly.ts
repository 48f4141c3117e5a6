/**
 * Sums of matrices in WebAssembly.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { defineElementwise, type ElementwiseSpec, elementwiseSpec } from "../elementwise.ts";

/** The kernel of `add`. */
export const ADD: ElementwiseSpec<"x" | "residual", "y"> = elementwiseSpec(
  "add",
  ["x", "residual"],
  ["y"],
);

/** Adds the kernel of `add`. */
export function defineAdd(module: ModuleBuilder): void {
  defineElementwise(module, ADD, (_, { x, residual }) => ({ y: x.add(residual) }));
}
