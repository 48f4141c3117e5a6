/**
 * Activations in WebAssembly.
 *
 * @module
 */

import type { ModuleBuilder } from "../../assembler/module.ts";
import { defineElementwise, type ElementwiseSpec, elementwiseSpec } from "../elementwise.ts";
import { ACTIVATIONS, WITH_SLOPES } from "../vector_math.ts";
import type { ElementFunction } from "./op.ts";

const spec = (name: string) => elementwiseSpec(name, ["x"], ["y"]);
const sloped = (name: string) => elementwiseSpec(name, ["x"], ["y", "slope"]);

/** The kernels of `activation`, one a function. */
export const ACTIVATION: Readonly<Record<ElementFunction, ElementwiseSpec<"x", "y">>> = {
  gelu: spec("activationGelu"),
  geluTanh: spec("activationGeluTanh"),
  relu: spec("activationRelu"),
  tanh: spec("activationTanh"),
};

/** The kernels of `activation` that give its slope as well, one a function. */
export const ACTIVATION_WITH_SLOPE: Readonly<
  Record<ElementFunction, ElementwiseSpec<"x", "y" | "slope">>
> = {
  gelu: sloped("activationGeluSlope"),
  geluTanh: sloped("activationGeluTanhSlope"),
  relu: sloped("activationReluSlope"),
  tanh: sloped("activationTanhSlope"),
};

/** Adds the kernels of `activation`. */
export function defineActivation(module: ModuleBuilder): void {
  for (const name of Object.keys(ACTIVATION) as ElementFunction[]) {
    defineElementwise(module, ACTIVATION[name], (f, { x }) => ({ y: ACTIVATIONS[name](f, x) }));
    defineElementwise(module, ACTIVATION_WITH_SLOPE[name], (f, { x }) => WITH_SLOPES[name](f, x));
  }
}
