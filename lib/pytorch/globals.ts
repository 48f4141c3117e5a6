/**
 * The names that a pickle of tensors may ask for, and what each stands for.
 *
 * This is the list of `torch.load(weights_only=True)`, without names that say nothing about
 * tensors, and with NumPy's scalars, which trainers keep beside a state dict. No name leads to
 * code: a call yields a description or an opaque value.
 *
 * @module
 */

import { STORAGE_DTYPES, TORCH_DTYPES } from "./dtypes.ts";
import { OPAQUE_CALLS, TENSOR_CALLS } from "./rebuild.ts";
import type { GlobalMeaning, PickleGlobal } from "./values.ts";

/** Modules that hold storage classes; PyTorch on a GPU once named its own. */
const STORAGE_MODULES = ["torch", "torch.cuda", "torch.storage"];
const QUANTISATION_SCHEMES = [
  "per_tensor_affine",
  "per_tensor_symmetric",
  "per_channel_affine",
  "per_channel_symmetric",
  "per_channel_affine_float_qparams",
];

const GLOBALS: ReadonlyMap<string, GlobalMeaning> = new Map<string, GlobalMeaning>([
  ...STORAGE_MODULES.flatMap((module) =>
    [...STORAGE_DTYPES].map(([name, dtype]) =>
      [`${module}.${name}`, { role: "storage", dtype }] as const
    )
  ),
  ...[...TORCH_DTYPES].map(([name, dtype]) => [`torch.${name}`, { role: "dtype", dtype }] as const),
  ...QUANTISATION_SCHEMES.map((name) => [`torch.${name}`, { role: "inert" }] as const),
  ["torch.Tensor", { role: "inert" }],
  ...[...TENSOR_CALLS, ...OPAQUE_CALLS].map(([name, call]) =>
    [name, { role: "call", call }] as const
  ),
]);

/**
 * Looks up a name.
 *
 * @param module The module as the pickle spells it, in Python 2's spelling or 3's.
 * @param name The name within the module.
 * @returns The global; undefined when it is not on the list.
 */
export function findGlobal(module: string, name: string): PickleGlobal | undefined {
  const full = `${module === "__builtin__" ? "builtins" : module}.${name}`;
  const meaning = GLOBALS.get(full);
  return meaning && { kind: "global", name: full, meaning };
}
