/**
 * Activations in WebAssembly.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { defineElementwise, type ElementwiseSpec, elementwiseSpec } from "../elementwise.ts";
import { ACTIVATIONS } from "../vector_math.ts";
import type { ElementFunction } from "./op.ts";

const INPUTS = ["x"] as const;

/** The kernels of `activation`, one a function. */
export const ACTIVATION: Readonly<Record<ElementFunction, ElementwiseSpec<"x">>> = {
  gelu: elementwiseSpec("activationGelu", INPUTS),
  geluTanh: elementwiseSpec("activationGeluTanh", INPUTS),
  relu: elementwiseSpec("activationRelu", INPUTS),
  tanh: elementwiseSpec("activationTanh", INPUTS),
};

/** Adds the kernels of `activation`. */
export function defineActivation(module: ModuleBuilder): void {
  for (const [activation, spec] of Object.entries(ACTIVATION)) {
    const activate = ACTIVATIONS[activation as ElementFunction];
    defineElementwise(module, spec, INPUTS, (f, { x }) => activate(f, x));
  }
}
