/**
 * What an architecture is to tinygraft: a table of tensor names and shapes, as data.
 *
 * @module
 */

/**
 * One dimension of a weight: the configuration value that it equals, or a literal 1.
 */
export type DimensionName =
  | "hiddenSize"
  | "intermediateSize"
  | "vocabSize"
  | "maxPositionEmbeddings"
  | "typeVocabSize"
  | 1;

/** One tensor of an architecture, or one of each layer where the name has `{layer}`. */
export interface WeightTemplate {
  /** Canonical name, without the checkpoint's prefix; `{layer}` stands for the layer's number. */
  readonly name: string;
  /** The dimensions, outermost first. */
  readonly shape: readonly DimensionName[];
  /** Other spellings found in checkpoints, also with `{layer}`. */
  readonly aliases?: readonly string[];
  /** Set where a checkpoint may lack the tensor. */
  readonly optional?: true;
  /** Set for integer buffers that no computation reads: their dtype is not checked. */
  readonly buffer?: true;
}

/** An encoder architecture as tables; injector, runtime and validator read the same ones. */
export interface Architecture {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** What may stand before every canonical name, most common first; "" for a bare encoder. */
  readonly prefixes: readonly string[];
  /** Tensors before the first layer. */
  readonly embeddings: readonly WeightTemplate[];
  /** Tensors of each layer. */
  readonly layer: readonly WeightTemplate[];
  /** Tensors after the last layer. */
  readonly extra: readonly WeightTemplate[];
  /** Beginnings of names that belong to task heads, never prefixed; the encoder reads none. */
  readonly heads: readonly string[];
  /** Path of the tiny-attention module of a layer, with `{layer}` and without prefix. */
  readonly adapterPath: string;
}

/**
 * Fills a layer's number into a name template.
 *
 * @param template A name with or without `{layer}`.
 * @param layer The layer's number, from 0.
 * @returns The name.
 */
export function fillLayer(template: string, layer: number): string {
  return template.replace("{layer}", String(layer));
}
