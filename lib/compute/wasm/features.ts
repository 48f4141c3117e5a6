/**
 * What WebAssembly can do here.
 *
 * @module
 */

import { ModuleBuilder, type Target } from "../assembler/module.ts";

/**
 * Finds out what kernels may use.
 *
 * @returns The instructions, or undefined where the engine lacks SIMD or shared memory.
 */
export function detectTarget(): Target | undefined {
  if (globalThis.SharedArrayBuffer === undefined || globalThis.Worker === undefined) {
    return undefined;
  }
  return [{ relaxed: true }, { relaxed: false }].find((target) =>
    WebAssembly.validate(probe(target))
  );
}

/** A module of one function that multiplies and adds. */
function probe(target: Target): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(target, 0);
  module.function(["address"], (f, { address }) => {
    const x = f.let(address.load());
    f.store(address, f.madd(x, x, x));
  });
  return module.encode();
}
