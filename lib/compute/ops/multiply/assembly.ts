/**
 * Products of matrices, element by element, in WebAssembly.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { defineElementwise, type ElementwiseSpec, elementwiseSpec } from "../elementwise.ts";

/** The kernel of `multiply`. */
export const MULTIPLY: ElementwiseSpec<"x" | "factor", "y"> = elementwiseSpec(
  "multiply",
  ["x", "factor"],
  ["y"],
);

/** Adds the kernel of `multiply`. */
export function defineMultiply(module: ModuleBuilder): void {
  defineElementwise(module, MULTIPLY, (_, { x, factor }) => ({ y: x.mul(factor) }));
}
