/**
 * Judging an adapter while it is trained: labelled rows through the encoder as `check` runs them.
 *
 * @module
 */

import { InterruptedError } from "../errors.ts";
import type { MetricValues } from "../eval/compare.ts";
import { argmax, computeMetric, outputValues, type Predictions } from "../eval/metrics.ts";
import { packBatches, type PackedBatch } from "../runtime/batch.ts";
import type { TinyAttentionWeights } from "../runtime/load.ts";
import { freeModules, placeModule } from "../runtime/place.ts";
import type { Value } from "../compute/value.ts";
import type { Metric } from "../text/tasks.ts";
import { classify } from "./classifier.ts";
import { crossEntropy, squaredError } from "./loss.ts";
import type { EncoderParts, LabelledEncodings } from "./step.ts";
import type { TrainableAdapter } from "./trainable.ts";

/** What rows gave. */
export interface Evaluation {
  /** The mean loss, without dropout and smoothing. */
  readonly loss: number;
  /** One value a metric. */
  readonly metrics: MetricValues;
}

/** How to evaluate. */
export interface EvaluateOptions {
  /** The metrics to compute. */
  readonly metrics: readonly Metric[];
  /** Stops before the next batch. */
  readonly signal?: AbortSignal | undefined;
  /** Told after each batch. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Runs labelled rows through an adapter as it stands.
 *
 * @param parts The base on its device.
 * @param adapter The adapter; left unchanged.
 * @param rows The rows.
 * @param options Metrics, signal and progress.
 * @returns Loss and metrics.
 * @throws {InterruptedError} when the signal is aborted.
 * @throws {TinygraftError} with code `non-finite` when an output is NaN or infinite.
 */
export async function evaluate(
  parts: EncoderParts,
  adapter: TrainableAdapter,
  rows: LabelledEncodings,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { backend } = parts;
  const modules = adapter.modules().map((module, i) => placeModule(module, backend, `module ${i}`));
  try {
    const logits = await runRows(parts, adapter, modules, rows, options);
    return judge(logits, adapter, rows, options.metrics);
  } finally {
    freeModules(modules, backend);
  }
}

/** The logits of all rows, f64 [rows, labels], row-major. */
async function runRows(
  parts: EncoderParts,
  adapter: TrainableAdapter,
  modules: readonly TinyAttentionWeights[],
  { encodings }: LabelledEncodings,
  { signal, onProgress }: EvaluateOptions,
): Promise<Float64Array> {
  const { weight, bias } = adapter.classifier;
  const cols = bias.values.length;
  const logits = new Float64Array(encodings.length * cols);
  const { maxTokens } = parts.backend;
  let done = 0;
  for (const batch of packBatches(encodings, { maxTokens, maxSequences: Infinity })) {
    await new Promise((resolve) => setTimeout(resolve, 0)); // signals are served between batches
    if (signal?.aborted) throw new InterruptedError();
    const output = record(parts, modules, adapter.config.layerNormEps, batch);
    const [hidden] = await parts.backend.read([output]);
    const part = classify(hidden!, { weight: weight.values, bias: bias.values });
    for (const [i, row] of batch.indices.entries()) {
      logits.set(part.subarray(i * cols, (i + 1) * cols), row * cols);
    }
    done += batch.indices.length;
    onProgress?.(done, encodings.length);
  }
  return logits;
}

/** Records a batch; gives the selected hidden states, `[sequences, hidden_size]`. */
function record(
  { layers }: EncoderParts,
  modules: readonly TinyAttentionWeights[],
  eps: number,
  batch: PackedBatch,
): Value {
  let hidden = layers.embed(batch);
  for (let layer = 0; layer < layers.length; layer++) {
    const module = modules[layer % modules.length]!;
    const adapted = layers.adapt(module, eps, layers.attention(layer, hidden));
    const isLast = layer === layers.length - 1;
    hidden = layers.feedForward(layer, isLast ? layers.select(adapted) : adapted);
  }
  return hidden;
}

function judge(
  logits: Float64Array,
  adapter: TrainableAdapter,
  { targets }: LabelledEncodings,
  metrics: readonly Metric[],
): Evaluation {
  const shape = { cols: adapter.numLabels, stepRows: targets.length };
  const outputs = Float32Array.from(logits);
  const [{ loss }, predictions]: [{ loss: number }, Predictions] = targets instanceof Uint32Array
    ? [crossEntropy(logits, targets, shape), {
      kind: "classification",
      predicted: argmax(outputs, targets.length, adapter.numLabels),
      targets,
    }]
    : [squaredError(logits, targets, shape), {
      kind: "regression",
      predicted: outputValues(outputs, targets.length),
      targets,
    }];
  const values = metrics.map((metric) => [metric, computeMetric(metric, predictions)] as const);
  return { loss, metrics: Object.fromEntries(values) };
}
