/**
 * How `tinyAttention` runs on WebAssembly: by the kernels of its parts.
 *
 * @module
 */

import { attentionJob } from "../attention/wasm.ts";
import { type Job, type Layout, makeJob } from "../job.ts";
import { layerNormJob } from "../layer_norm/wasm.ts";
import { LINEAR, LINEAR_ADDED } from "../linear/assembly.ts";
import { productOf } from "../linear/wasm.ts";
import type { TinyAttentionOp } from "./op.ts";

/**
 * Describes a `tinyAttention` operation.
 *
 * @param op The operation.
 * @param layout Where its matrices lie.
 * @returns Its jobs, in order.
 */
export function tinyAttentionJobs(op: TinyAttentionOp, layout: Layout): Job[] {
  const { numHeads, headDim } = op;
  const [rows, hidden, inner] = [layout.tokens, op.a.cols, numHeads * headDim];
  const normal = layout.temporary("normalised", hidden);
  const attended = layout.temporary("attended", inner);
  const [a, y, qkv] = [op.a, op.y, op.scratch].map((value) => layout.value(value)) as [
    number,
    number,
    number,
  ];
  const project = productOf({ rows, inner: hidden, cols: 3 * inner });
  const expand = productOf({ rows, inner, cols: hidden });
  const update = {
    ...expand.ints,
    x: attended,
    panels: layout.panels(op.outputWeight),
    bias: layout.vector(op.outputBias),
    y,
  };
  return [
    layerNormJob({
      x: a,
      residual: 0,
      weight: layout.vector(op.normWeight),
      bias: layout.vector(op.normBias),
      y: normal,
      eps: op.eps,
    }, { rows, cols: hidden }),
    makeJob(LINEAR.none, project.chunks, {
      ...project.ints,
      x: normal,
      panels: layout.panels(op.qkvWeight),
      bias: layout.vector(op.qkvBias),
      y: qkv,
    }),
    attentionJob(
      { qkv, selected: 0, y: attended, gain: op.scale },
      { numHeads, headDim },
      layout,
    ),
    op.updateOnly
      ? makeJob(LINEAR.none, expand.chunks, update)
      : makeJob(LINEAR_ADDED, expand.chunks, { ...update, residual: a }),
  ];
}
