/**
 * A tiny-attention module while it is trained: on a backend with the transposes that gradients go
 * back through, made anew from its arrays for every step.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import type { Weight } from "../compute/value.ts";
import { placeLinear, type WeightAndBias } from "./load.ts";
import { placeTransposed } from "./transposed.ts";

/** Arrays of one module as a pass runs it, or its gradients; `E = numHeads · headDim`. */
export interface ModuleArrays {
  /** Gain of the LayerNorm, f32 [hidden_size]. */
  readonly normWeight: Float32Array;
  /** Bias of the LayerNorm, f32 [hidden_size]. */
  readonly normBias: Float32Array;
  /** Query, key and value weights one below the other, f32 [3E, hidden_size], row-major. */
  readonly qkvWeight: Float32Array;
  /** Query, key and value biases, f32 [3E]. */
  readonly qkvBias: Float32Array;
  /** Output weight with the heads' scale in it, f32 [hidden_size, E], row-major. */
  readonly outputWeight: Float32Array;
  /** Output bias, f32 [hidden_size]. */
  readonly outputBias: Float32Array;
}

/** A module's weights on a backend, for a pass and its way back. */
export interface TrainingModule {
  /** LayerNorm that the module reads through. */
  readonly norm: WeightAndBias;
  /** Query, key and value, fused: `[3E, hidden_size]`. */
  readonly qkv: WeightAndBias;
  /** Output projection, `[hidden_size, E]`, with the heads' scale in it. */
  readonly output: WeightAndBias;
  /** `[hidden_size, 3E]`. */
  readonly qkvTransposed: Weight;
  /** `[E, hidden_size]`. */
  readonly outputTransposed: Weight;
  /** Heads, M. */
  readonly numHeads: number;
}

/**
 * Puts a module onto a backend for training.
 *
 * @param backend Where it goes; it owns the weights until {@linkcode freeTrainingModule}.
 * @param label What it is, for messages.
 * @param arrays The module's values; copied.
 * @param numHeads Its heads, M.
 * @returns The weights.
 */
export function placeTrainingModule(
  backend: Backend,
  label: string,
  arrays: ModuleArrays,
  numHeads: number,
): TrainingModule {
  const { normWeight, normBias, qkvWeight, qkvBias, outputWeight, outputBias } = arrays;
  const hiddenSize = normWeight.length;
  const inner = outputWeight.length / hiddenSize;
  return {
    norm: {
      weight: backend.weight(`${label} norm.weight`, normWeight, 1, hiddenSize),
      bias: backend.weight(`${label} norm.bias`, normBias, 1, hiddenSize),
    },
    qkv: placeLinear(backend, `${label} qkv`, qkvWeight, qkvBias),
    output: placeLinear(backend, `${label} output`, outputWeight, outputBias),
    qkvTransposed: placeTransposed(backend, `${label} qkv transposed`, [qkvWeight], hiddenSize),
    outputTransposed: placeTransposed(backend, `${label} output transposed`, [outputWeight], inner),
    numHeads,
  };
}

/**
 * Gives a module's weights back to the backend, after what was recorded with them.
 *
 * @param backend Where they lie.
 * @param module The module.
 */
export function freeTrainingModule(backend: Backend, module: TrainingModule): void {
  const { norm, qkv, output, qkvTransposed, outputTransposed } = module;
  const pairs = [norm, qkv, output].flatMap(({ weight, bias }) => [weight, bias]);
  for (const weight of [...pairs, qkvTransposed, outputTransposed]) backend.free(weight);
}

/**
 * Takes apart the rows of the gradients of several modules.
 *
 * @param rows Three rows a module, as {@linkcode splitGradients} takes them.
 * @returns One entry a module, views of the rows.
 */
export function splitAllGradients(rows: readonly Float32Array[]): ModuleArrays[] {
  return Array.from({ length: rows.length / 3 }, (_, i) => {
    const [norm, qkv, output] = rows.slice(3 * i, 3 * i + 3);
    return splitGradients(norm!, qkv!, output!);
  });
}

/**
 * Takes apart the three rows of a module's gradients.
 *
 * @param norm Of the LayerNorm: gain, then bias, f32 [2·hidden_size].
 * @param qkv Of query, key and value: weight, then bias.
 * @param output Of the output projection: weight, then bias.
 * @returns Views of the rows.
 */
export function splitGradients(
  norm: Float32Array,
  qkv: Float32Array,
  output: Float32Array,
): ModuleArrays {
  const hidden = norm.length / 2;
  const inner = output.length / hidden - 1;
  return {
    normWeight: norm.subarray(0, hidden),
    normBias: norm.subarray(hidden),
    qkvWeight: qkv.subarray(0, 3 * inner * hidden),
    qkvBias: qkv.subarray(3 * inner * hidden),
    outputWeight: output.subarray(0, hidden * inner),
    outputBias: output.subarray(hidden * inner),
  };
}
