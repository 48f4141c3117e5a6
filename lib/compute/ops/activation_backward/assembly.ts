/**
 * Derivatives of activations in WebAssembly.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import type { ElementFunction } from "../activation/op.ts";
import { defineElementwise, type ElementwiseSpec, elementwiseSpec } from "../elementwise.ts";
import { DERIVATIVES } from "../vector_math.ts";

const INPUTS = ["x", "dy"] as const;

/** The kernels of `activationBackward`, one a function. */
export const ACTIVATION_BACKWARD: Readonly<
  Record<ElementFunction, ElementwiseSpec<"x" | "dy">>
> = {
  gelu: elementwiseSpec("geluBackward", INPUTS),
  geluTanh: elementwiseSpec("geluTanhBackward", INPUTS),
  relu: elementwiseSpec("reluBackward", INPUTS),
  tanh: elementwiseSpec("tanhBackward", INPUTS),
};

/** Adds the kernels of `activationBackward`. */
export function defineActivationBackward(module: ModuleBuilder): void {
  for (const [activation, spec] of Object.entries(ACTIVATION_BACKWARD)) {
    const derivative = DERIVATIVES[activation as ElementFunction];
    defineElementwise(module, spec, INPUTS, (f, { x, dy }) => derivative(f, x).mul(dy));
  }
}
