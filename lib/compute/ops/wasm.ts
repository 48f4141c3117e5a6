/**
 * How every operation runs on WebAssembly, and the one module that holds their kernels.
 *
 * @module
 */

import { ModuleBuilder, type Target } from "../assembler/module.ts";
import { defineActivation } from "./activation/assembly.ts";
import { activationJobs } from "./activation/wasm.ts";
import { defineAdd } from "./add/assembly.ts";
import { addJobs } from "./add/wasm.ts";
import { defineAttention } from "./attention/assembly.ts";
import { defineAttentionParts } from "./attention/packing.ts";
import { attentionJobs } from "./attention/wasm.ts";
import { defineAttentionBackward } from "./attention_backward/assembly.ts";
import { attentionBackwardJobs } from "./attention_backward/wasm.ts";
import { CONSTANTS, type Job, type Layout } from "./job.ts";
import { defineLayerNorm } from "./layer_norm/assembly.ts";
import { layerNormJobs } from "./layer_norm/wasm.ts";
import { defineLayerNormBackward } from "./layer_norm_backward/assembly.ts";
import { layerNormBackwardJobs } from "./layer_norm_backward/wasm.ts";
import { defineLayerNormGradient } from "./layer_norm_gradient/assembly.ts";
import { layerNormGradientJobs } from "./layer_norm_gradient/wasm.ts";
import { defineLinear } from "./linear/assembly.ts";
import { linearJobs } from "./linear/wasm.ts";
import { defineLinearGradient } from "./linear_gradient/assembly.ts";
import { linearGradientJobs } from "./linear_gradient/wasm.ts";
import type { Op } from "./op.ts";
import { defineMultiply } from "./multiply/assembly.ts";
import { multiplyJobs } from "./multiply/wasm.ts";
import { defineScatter } from "./scatter/assembly.ts";
import { scatterJobs } from "./scatter/wasm.ts";
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
  const parts = defineAttentionParts(module, product);
  defineLayerNorm(module);
  defineAttention(module, parts);
  defineSelect(module);
  defineAdd(module);
  defineActivation(module);
  defineMultiply(module);
  defineLayerNormBackward(module);
  defineLayerNormGradient(module);
  defineAttentionBackward(module, parts);
  defineLinearGradient(module);
  defineScatter(module);
  if (module.constantBytes > CONSTANTS.bytes) {
    throw new RangeError(
      `Cannot assemble the kernels: their constants take ${module.constantBytes} bytes, ` +
        `expected at most ${CONSTANTS.bytes}`,
    );
  }
  return module.encode();
}

/** What describes each operation as jobs. */
const JOBS: { readonly [N in Op["op"]]: (op: Extract<Op, { op: N }>, layout: Layout) => Job[] } = {
  linear: linearJobs,
  layerNorm: layerNormJobs,
  attention: attentionJobs,
  tinyAttention: tinyAttentionJobs,
  select: selectJobs,
  add: addJobs,
  activation: activationJobs,
  multiply: multiplyJobs,
  layerNormBackward: layerNormBackwardJobs,
  layerNormGradient: layerNormGradientJobs,
  attentionBackward: attentionBackwardJobs,
  linearGradient: linearGradientJobs,
  scatter: scatterJobs,
};

/**
 * Describes an operation as jobs.
 *
 * @param op The operation; its shapes were checked.
 * @param layout Where its matrices lie.
 * @returns Its jobs, in order.
 */
export function jobsOf(op: Op, layout: Layout): Job[] {
  return (JOBS[op.op] as (op: Op, layout: Layout) => Job[])(op, layout);
}
