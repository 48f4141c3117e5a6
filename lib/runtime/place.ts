/**
 * Adapters in memory: from f64 arrays to a backend, without a file between.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import { headScale } from "../merge/forward.ts";
import type { LayerModule } from "../merge/layer.ts";
import { concatenate } from "../merge/linear_algebra.ts";
import type { AdapterArrays } from "../merge/merge_adapter.ts";
import { type AdapterWeights, placeLinear, type TinyAttentionWeights } from "./load.ts";

/**
 * Puts an adapter in memory onto a backend, as `loadAdapter` does with one in files. Values that
 * were rounded to a storage dtype, as those of a planned merge are, are kept exactly.
 *
 * @param adapter Its modules, one a layer, and its classifier; left unchanged.
 * @param backend Where the weights go; it owns them.
 * @returns The adapter's weights.
 */
export function placeAdapter(
  { modules, placement, classifierWeight, classifierBias }: AdapterArrays,
  backend: Backend,
): AdapterWeights {
  const [weight, bias] = [Float32Array.from(classifierWeight), Float32Array.from(classifierBias)];
  return {
    modules: modules.map((module, layer) => placeModule(module, backend, `layer ${layer}`)),
    layerNormEps: modules[0]!.layerNormEps,
    placement,
    classifier: placeLinear(backend, "classifier", weight, bias),
    numLabels: classifierBias.length,
  };
}

/**
 * Puts one layer's module onto a backend.
 *
 * @param module The module; left unchanged.
 * @param backend Where the weights go; it owns them.
 * @param label What it is, for messages.
 * @returns The module's weights.
 */
export function placeModule(
  module: LayerModule,
  backend: Backend,
  label: string,
): TinyAttentionWeights {
  const { hiddenSize, numHeads, headDim } = module;
  const vector = (name: string, values: Float64Array) =>
    backend.weight(`${label} ${name}`, Float32Array.from(values), 1, hiddenSize);
  const qkv = [module.queryWeight, module.keyWeight, module.valueWeight];
  const qkvBias = [module.queryBias, module.keyBias, module.valueBias];
  return {
    norm: {
      weight: vector("norm.weight", module.normWeight),
      bias: vector("norm.bias", module.normBias),
    },
    qkv: placeLinear(backend, `${label} qkv`, joinFloats(qkv), joinFloats(qkvBias)),
    output: placeLinear(
      backend,
      `${label} output`,
      Float32Array.from(module.outputWeight),
      Float32Array.from(module.outputBias),
    ),
    numHeads,
    headDim,
    scale: headScale(module),
  };
}

/**
 * Gives modules back to a backend, after what was recorded with them.
 *
 * @param modules From {@linkcode placeModule}.
 * @param backend Where they lie.
 */
export function freeModules(modules: readonly TinyAttentionWeights[], backend: Backend): void {
  for (const { norm, qkv, output } of modules) {
    for (const { weight, bias } of [norm, qkv, output]) {
      backend.free(weight);
      backend.free(bias);
    }
  }
}

/** Lays arrays end to end, rounded to f32. */
function joinFloats(parts: readonly Float64Array[]): Float32Array {
  return Float32Array.from(concatenate(parts));
}
