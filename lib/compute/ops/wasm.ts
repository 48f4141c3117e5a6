/**
 * How every operation runs on WebAssembly, and the one module that holds their kernels.
 *
 * @module
 */

import { ModuleBuilder, type Target } from "../assembler/module.ts";
import { defineAttention } from "./attention/assembly.ts";
import { attentionJobs } from "./attention/wasm.ts";
import { CONSTANTS, type Job, type Layout } from "./job.ts";
import { defineLayerNorm } from "./layer_norm/assembly.ts";
import { layerNormJobs } from "./layer_norm/wasm.ts";
import { defineLinear } from "./linear/assembly.ts";
import { linearJobs } from "./linear/wasm.ts";
import type { Op } from "./op.ts";
import { defineSelect } from "./select/assembly.ts";
import { selectJobs } from "./select/wasm.ts";
import { tinyAttentionJobs } from "./tiny_attention/wasm.ts";

/**
 * Assembles the kernels of all operations.
 *
 * @param target The instructions that they may use.
 * @returns A WebAssembly module that imports `env.memory` and exports each kernel by its name.
 */
export function assembleKernels(target: Target): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(target, CONSTANTS.address);
  const product = defineLinear(module);
  defineLayerNorm(module);
  defineAttention(module, product);
  defineSelect(module);
  if (module.constantBytes > CONSTANTS.bytes) {
    throw new RangeError(
      `Cannot assemble the kernels: their constants take ${module.constantBytes} bytes, ` +
        `expected at most ${CONSTANTS.bytes}`,
    );
  }
  return module.encode();
}

/**
 * Describes an operation as jobs.
 *
 * @param op The operation; its shapes were checked.
 * @param layout Where its matrices lie.
 * @returns Its jobs, in order.
 */
export function jobsOf(op: Op, layout: Layout): Job[] {
  switch (op.op) {
    case "linear":
      return linearJobs(op, layout);
    case "layerNorm":
      return layerNormJobs(op, layout);
    case "attention":
      return attentionJobs(op, layout);
    case "tinyAttention":
      return tinyAttentionJobs(op, layout);
    case "select":
      return selectJobs(op, layout);
  }
}
