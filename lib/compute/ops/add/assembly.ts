/**
 * Sums of matrices in WebAssembly.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { defineElementwise, type ElementwiseSpec, elementwiseSpec } from "../elementwise.ts";

const INPUTS = ["x", "residual"] as const;

/** The kernel of `add`. */
export const ADD: ElementwiseSpec<"x" | "residual"> = elementwiseSpec("add", INPUTS);

/** Adds the kernel of `add`. */
export function defineAdd(module: ModuleBuilder): void {
  defineElementwise(module, ADD, INPUTS, (_, { x, residual }) => x.add(residual));
}
