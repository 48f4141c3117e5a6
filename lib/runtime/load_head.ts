/**
 * Heads that a base carries, onto a backend.
 *
 * @module
 */

import type { Checkpoint, TensorEntry } from "../checkpoint/open.ts";
import type { Backend } from "../compute/backend.ts";
import { TinygraftError } from "../errors.ts";
import { findClassificationHead, findMaskedLmHead, type ResolvedHead } from "../model/heads.ts";
import type { ResolvedModel } from "../model/resolve.ts";
import { type HeadWeights, placeLinear, readFinite, type WeightAndBias } from "./load.ts";
import type { TransposedHead } from "./training_head.ts";
import { placeTransposed } from "./transposed.ts";

/**
 * Loads the base's own head for sequence classification: an alternative to an adapter's classifier.
 *
 * @param checkpoint The open base; stays open.
 * @param model What its tensors are, from `resolveModel`.
 * @param backend Where the weights go; it owns them.
 * @returns The head's weights.
 * @throws {TinygraftError} with code `missing-tensor` where the base has no such head, or a part of
 * it is missing; `shape-mismatch`, `non-finite`.
 *
 * @example Run a base as it was fine-tuned, without an adapter
 * ```ts
 * import {
 *   classifyRows,
 *   DEFAULT_PLACEMENT,
 *   Encoder,
 *   loadClassificationHead,
 *   loadEncoder,
 *   openBackend,
 *   openModel,
 * } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using base = await openModel("fixtures/architectures/roberta");
 * const backend = await openBackend("reference");
 * const weights = await loadEncoder(base.checkpoint, base.model, backend);
 * const head = await loadClassificationHead(base.checkpoint, base.model, backend);
 * const none = { modules: [], layerNormEps: 1e-5, placement: DEFAULT_PLACEMENT };
 * const encoder = new Encoder(backend, weights, [{ ...head, ...none }]);
 * const row = { ids: Uint32Array.of(0, 17, 42, 2), typeIds: new Uint32Array(4) };
 * const { variants } = await classifyRows(encoder, [row]);
 * backend.destroy();
 * assertEquals([variants[0]!.rows, variants[0]!.cols], [1, 3]);
 * ```
 */
export async function loadClassificationHead(
  checkpoint: Checkpoint,
  model: ResolvedModel,
  backend: Backend,
): Promise<HeadWeights> {
  const { location, tensors } = checkpoint;
  const head = findClassificationHead(model, tensors, location);
  if (head === undefined) {
    const tensor = `${model.architecture.classificationHead.output}.weight`;
    throw noHead(location, tensor, "sequence classification");
  }
  const weight = await readFinite(tensors.get(head.output.weight)!);
  const bias = await readFinite(tensors.get(head.output.bias)!);
  return {
    transform: await loadTransform(tensors, head, backend),
    classifier: placeLinear(backend, head.output.weight, weight, bias),
    numLabels: head.outputs,
  };
}

/**
 * Loads the base's head for masked tokens with the vocabulary rows of some tokens only: the logits
 * of those tokens at the selected position, as a cloze question needs them.
 *
 * @param checkpoint The open base; stays open.
 * @param model What its tensors are, from `resolveModel`.
 * @param backend Where the weights go; it owns them.
 * @param tokenIds Ids of the tokens, in the order of the logits.
 * @returns The head's weights.
 * @throws {RangeError} when there is no id, or one lies outside the vocabulary.
 * @throws {TinygraftError} with code `missing-tensor` where the base has no such head, or a part of
 * it is missing; `shape-mismatch`, `non-finite`.
 */
export async function loadMaskedLmHead(
  checkpoint: Checkpoint,
  model: ResolvedModel,
  backend: Backend,
  tokenIds: readonly number[],
): Promise<HeadWeights> {
  const { head, weight, bias } = await readTokenRows(checkpoint, model, tokenIds);
  const name = `${head.output.weight} of ${tokenIds.length} tokens`;
  return {
    transform: await loadTransform(checkpoint.tensors, head, backend),
    classifier: placeLinear(backend, name, weight, bias),
    numLabels: tokenIds.length,
  };
}

/**
 * Loads the linear layers of the base's head for masked tokens once more, transposed: what takes
 * gradients back through it.
 *
 * @param checkpoint The open base; stays open.
 * @param model What its tensors are, from `resolveModel`.
 * @param backend Where the weights go; it owns them.
 * @param tokenIds Ids of the tokens, in the order of the outputs.
 * @returns The transposed layers.
 * @throws {RangeError} and {TinygraftError} as {@linkcode loadMaskedLmHead}.
 */
export async function loadTransposedHead(
  checkpoint: Checkpoint,
  model: ResolvedModel,
  backend: Backend,
  tokenIds: readonly number[],
): Promise<TransposedHead> {
  const { head, weight } = await readTokenRows(checkpoint, model, tokenIds);
  const dense = await readFinite(checkpoint.tensors.get(head.dense.weight)!);
  const place = (name: string, matrix: Float32Array, cols: number) =>
    placeTransposed(backend, `${name} transposed`, [matrix], cols);
  return {
    dense: place(head.dense.weight, dense, model.config.hiddenSize),
    output: place(head.output.weight, weight, weight.length / tokenIds.length),
  };
}

/** The head for masked tokens, with the vocabulary's rows of some tokens. */
async function readTokenRows(
  { location, tensors }: Checkpoint,
  model: ResolvedModel,
  tokenIds: readonly number[],
): Promise<{ head: ResolvedHead; weight: Float32Array; bias: Float32Array }> {
  const { vocabSize } = model.config;
  const stray = tokenIds.find((id) => !Number.isSafeInteger(id) || id < 0 || id >= vocabSize);
  if (stray !== undefined || tokenIds.length === 0) {
    throw new RangeError(
      `Cannot load the head for masked tokens: the token ids are [${tokenIds}], expected at ` +
        `least one, each from 0 to ${vocabSize - 1}`,
    );
  }
  const head = findMaskedLmHead(model, tensors, location);
  if (head === undefined) {
    const tensor = `${model.architecture.maskedLmHead.dense.path}.weight`;
    throw noHead(location, tensor, "masked tokens");
  }
  const weight = await readFinite(tensors.get(head.output.weight)!);
  const bias = await readFinite(tensors.get(head.output.bias)!);
  return {
    head,
    weight: takeRows(weight, weight.length / vocabSize, tokenIds),
    bias: takeRows(bias, 1, tokenIds),
  };
}

async function loadTransform(
  tensors: ReadonlyMap<string, TensorEntry>,
  { dense, activation, norm }: ResolvedHead,
  backend: Backend,
) {
  const read = (name: string) => readFinite(tensors.get(name)!);
  const [weight, bias] = [await read(dense.weight), await read(dense.bias)];
  let placed: WeightAndBias | undefined;
  if (norm !== undefined) {
    const [gain, shift] = [await read(norm.weight), await read(norm.bias)];
    placed = {
      weight: backend.weight(norm.weight, gain, 1, gain.length),
      bias: backend.weight(norm.bias, shift, 1, shift.length),
    };
  }
  return { dense: placeLinear(backend, dense.weight, weight, bias), activation, norm: placed };
}

function takeRows(table: Float32Array, cols: number, rows: readonly number[]): Float32Array {
  const taken = new Float32Array(rows.length * cols);
  for (const [i, row] of rows.entries()) {
    taken.set(table.subarray(row * cols, (row + 1) * cols), i * cols);
  }
  return taken;
}

function noHead(path: string, tensor: string, what: string): TinygraftError {
  return new TinygraftError(
    `Cannot use the head of "${path}": it has none for ${what}, expected a tensor "${tensor}": ` +
      "take a checkpoint that was trained for it",
    { code: "missing-tensor", path, tensor },
  );
}
