/**
 * Task heads that a base's checkpoint carries: found by the architecture's table.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { formatShape, type TensorInfo } from "../tensor/shape.ts";
import type { HeadActivation, HeadDense } from "./architecture.ts";
import type { EncoderConfig, HiddenAct } from "./config.ts";
import type { ResolvedModel } from "./resolve.ts";

/** The names of a linear layer's or LayerNorm's tensors in a checkpoint. */
export interface TensorPair {
  /** `[out, in]` of a linear layer, `[width]` of a LayerNorm. */
  readonly weight: string;
  /** `[out]` or `[width]`. */
  readonly bias: string;
}

/** A head's tensors: `output(norm(activation(dense(x))))` on one hidden state a sequence. */
export interface ResolvedHead {
  /** The first linear layer. */
  readonly dense: TensorPair;
  /** What follows it. */
  readonly activation: HiddenAct | "tanh";
  /** The LayerNorm after the activation; only the head for masked tokens has one. */
  readonly norm?: TensorPair;
  /** The last linear layer; its weight may be the word table. */
  readonly output: TensorPair;
  /** Rows of the last layer: labels, or tokens of the vocabulary. */
  readonly outputs: number;
}

type Tensors = ReadonlyMap<string, TensorInfo>;

/**
 * Finds the head of `ForSequenceClassification`: a dense layer with an activation (BERT's and
 * ALBERT's pooler, RoBERTa's and ELECTRA's own, DistilBERT's `pre_classifier`), then a linear one.
 *
 * @param model The resolved base.
 * @param tensors The checkpoint's tensors by name.
 * @param path The checkpoint, for messages.
 * @returns The head; undefined where the checkpoint has no such output layer.
 * @throws {TinygraftError} with `missing-tensor` where a part of the head is missing,
 * `shape-mismatch` where it does not fit the base.
 */
export function findClassificationHead(
  model: ResolvedModel,
  tensors: ReadonlyMap<string, TensorInfo>,
  path: string,
): ResolvedHead | undefined {
  const { architecture, config } = model;
  const { dense, output } = architecture.classificationHead;
  const labels = tensors.get(`${output}.weight`)?.shape[0];
  if (labels === undefined) return undefined;
  const { hiddenSize } = config;
  const find = finder(tensors, path);
  return {
    dense: find.linear(pathOf(dense, model), [hiddenSize, hiddenSize]),
    activation: activationOf(dense.activation, config),
    output: find.linear(output, [labels, hiddenSize]),
    outputs: labels,
  };
}

/**
 * Finds the head of `ForMaskedLM`: a dense layer, its activation and LayerNorm, then the decoder,
 * which is the word table where the checkpoint has no decoder of its own.
 *
 * @param model The resolved base.
 * @param tensors The checkpoint's tensors by name.
 * @param path The checkpoint, for messages.
 * @returns The head; undefined where the checkpoint has no such dense layer.
 * @throws {TinygraftError} with `missing-tensor` where a part of the head is missing,
 * `shape-mismatch` where it does not fit the base.
 */
export function findMaskedLmHead(
  model: ResolvedModel,
  tensors: ReadonlyMap<string, TensorInfo>,
  path: string,
): ResolvedHead | undefined {
  const { architecture, config } = model;
  const { dense, norm, decoder, bias } = architecture.maskedLmHead;
  if (!tensors.has(`${dense.path}.weight`)) return undefined;
  const { embeddingSize, hiddenSize, vocabSize } = config;
  const find = finder(tensors, path);
  const words = model.names.get(`${architecture.embeddingPaths.words}.weight`)!;
  const weight = tensors.has(decoder) ? decoder : words;
  return {
    dense: find.linear(pathOf(dense, model), [embeddingSize, hiddenSize]),
    activation: activationOf(dense.activation, config),
    norm: {
      weight: find.one([`${norm}.weight`, `${norm}.gamma`], [embeddingSize]),
      bias: find.one([`${norm}.bias`, `${norm}.beta`], [embeddingSize]),
    },
    output: {
      weight: find.one([weight], [vocabSize, embeddingSize]),
      bias: find.one(bias, [vocabSize]),
    },
    outputs: vocabSize,
  };
}

function pathOf({ path, prefixed }: HeadDense, { prefix }: ResolvedModel): string {
  return prefixed ? prefix + path : path;
}

function activationOf(activation: HeadActivation, { hiddenAct }: EncoderConfig) {
  return activation === "hiddenAct" ? hiddenAct : activation;
}

/** Looks tensors up, and refuses those that are missing or of another shape. */
function finder(tensors: Tensors, path: string) {
  const one = (spellings: readonly string[], shape: readonly number[]): string => {
    const name = spellings.find((spelling) => tensors.has(spelling));
    const found = name === undefined ? undefined : tensors.get(name);
    if (name !== undefined && found !== undefined) {
      if (String(found.shape) === String(shape)) return name;
      throw new TinygraftError(
        `Cannot use the head of "${path}": tensor "${name}" has shape ` +
          `${formatShape(found.shape)}, expected ${formatShape(shape)}`,
        { code: "shape-mismatch", path, tensor: name },
      );
    }
    const tensor = spellings[0]!;
    throw new TinygraftError(
      `Cannot use the head of "${path}": tensor "${tensor}" is missing, expected shape ` +
        `${formatShape(shape)}: take a checkpoint that was saved with its whole head`,
      { code: "missing-tensor", path, tensor },
    );
  };
  const linear = (at: string, [out, into]: readonly [number, number]): TensorPair => ({
    weight: one([`${at}.weight`], [out, into]),
    bias: one([`${at}.bias`], [out]),
  });
  return { one, linear };
}
