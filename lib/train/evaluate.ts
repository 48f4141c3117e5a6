/**
 * Judging an adapter while it is trained: labelled rows through the encoder as `check` runs them.
 *
 * @module
 */

import type { AdapterConfig } from "../adapter/config.ts";
import { InterruptedError } from "../errors.ts";
import type { MetricValues } from "../eval/compare.ts";
import { argmax, computeMetric, outputValues, type Predictions } from "../eval/metrics.ts";
import { packBatches, type PackedBatch } from "../runtime/batch.ts";
import type { TinyAttentionWeights } from "../runtime/load.ts";
import { freeModules, placeModule } from "../runtime/place.ts";
import { runLayer } from "../runtime/placed_layer.ts";
import type { Value } from "../compute/value.ts";
import type { Metric } from "../text/tasks.ts";
import { nextTurn } from "../turn.ts";
import { crossEntropy, type LossShape, squaredError } from "./loss.ts";
import { classifierHead, type OutputHead } from "./output_head.ts";
import { type EncoderParts, type LabelledEncodings, pick, type Targets } from "./step.ts";
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
  /** What gives the outputs; the adapter's classifier when left out. */
  readonly head?: OutputHead | undefined;
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
  const { head = classifierHead(backend, adapter), metrics } = options;
  const modules = adapter.modules().map((module, i) => placeModule(module, backend, `module ${i}`));
  try {
    const run = { parts, head, modules, config: adapter.config };
    const { loss, outputs } = await runRows(run, rows, options);
    return { loss, metrics: judge(outputs, rows.targets, head.numClasses, metrics) };
  } finally {
    freeModules(modules, backend);
  }
}

/** What rows run through. */
interface EvaluationRun {
  readonly parts: EncoderParts;
  readonly head: OutputHead;
  readonly modules: readonly TinyAttentionWeights[];
  readonly config: AdapterConfig;
}

/** The loss, and the logits that a prediction may be, f32 [rows, classes], row-major. */
async function runRows(
  { parts, head, modules, config }: EvaluationRun,
  { encodings, targets }: LabelledEncodings,
  { signal, onProgress }: EvaluateOptions,
): Promise<{ loss: number; outputs: Float32Array }> {
  const { numOutputs: cols, numClasses } = head;
  const rows = encodings.length;
  const outputs = new Float32Array(rows * numClasses);
  const { maxTokens } = parts.backend;
  let [loss, done] = [0, 0];
  for (const batch of packBatches(encodings, { maxTokens, maxSequences: Infinity })) {
    await nextTurn(); // signals are served between batches
    if (signal?.aborted) throw new InterruptedError();
    const output = head.forward(0, await record(parts, modules, config, batch));
    const [states] = await parts.backend.read([output]);
    const logits = head.outputs(states!);
    loss += lossOf(logits, pick(targets, batch.indices), { cols, stepRows: rows });
    for (const [i, row] of batch.indices.entries()) {
      outputs.set(logits.subarray(i * cols, i * cols + numClasses), row * numClasses);
    }
    done += batch.indices.length;
    onProgress?.(done, rows);
  }
  return { loss, outputs };
}

/** The share of some rows in the mean loss. */
function lossOf(logits: Float64Array, targets: Targets, shape: LossShape): number {
  return targets instanceof Uint32Array
    ? crossEntropy(logits, targets, shape).loss
    : squaredError(logits, targets, shape).loss;
}

/** Records a batch; gives the selected hidden states, `[sequences, hidden_size]`. */
async function record(
  { layers }: EncoderParts,
  modules: readonly TinyAttentionWeights[],
  { layerNormEps: eps, placement }: AdapterConfig,
  batch: PackedBatch,
): Promise<Value> {
  let hidden = layers.embed(batch);
  for (let layer = 0; layer < layers.length; layer++) {
    const module = modules[layer % modules.length]!;
    const selects = layer === layers.length - 1;
    hidden = await runLayer(layers, layer, hidden, {
      placed: { module, eps, placement },
      selects,
    });
  }
  return hidden;
}

function judge(
  outputs: Float32Array,
  targets: Targets,
  numClasses: number,
  metrics: readonly Metric[],
): MetricValues {
  const predictions: Predictions = targets instanceof Uint32Array
    ? {
      kind: "classification",
      predicted: argmax(outputs, targets.length, numClasses),
      targets,
    }
    : { kind: "regression", predicted: outputValues(outputs, targets.length), targets };
  return Object.fromEntries(metrics.map((name) => [name, computeMetric(name, predictions)]));
}
