/**
 * What an architecture is to tinygraft: a table of tensor names and shapes, as data.
 *
 * @module
 */

/** One dimension of a weight: the configuration value that it equals, or a literal 1. */
export type DimensionName =
  | "hiddenSize"
  | "embeddingSize"
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
  /** Set where only embeddings of another width than the hidden states have the tensor. */
  readonly narrowOnly?: true;
  /** Set for integer buffers that no computation reads: their dtype is not checked. */
  readonly buffer?: true;
}

/** Where the embeddings stand, without `.weight` and `.bias`. */
export interface EmbeddingPaths {
  /** Word table. */
  readonly words: string;
  /** Position table. */
  readonly positions: string;
  /** Token type table; left out where there is none. */
  readonly types?: string;
  /** LayerNorm of the sum. */
  readonly norm: string;
  /** Linear layer from the embeddings' width to that of the hidden states. */
  readonly projection?: string;
  /** Set where that layer is there even if both are of one width. */
  readonly projectsAlways?: true;
}

/** Where the parts of a layer stand, with `{layer}`, without `.weight` and `.bias`. */
export interface LayerPaths {
  /** Query projection of the attention. */
  readonly query: string;
  /** Key projection. */
  readonly key: string;
  /** Value projection. */
  readonly value: string;
  /** Output projection of the attention. */
  readonly attentionOutput: string;
  /** LayerNorm after the attention's residual. */
  readonly attentionNorm: string;
  /** First linear layer of the feed-forward block. */
  readonly intermediate: string;
  /** Second linear layer of the feed-forward block. */
  readonly output: string;
  /** LayerNorm after the feed-forward block's residual. */
  readonly outputNorm: string;
}

/** An activation that a table names; `hiddenAct` is the one that config.json names. */
export type HeadActivation = "tanh" | "relu" | "gelu" | "hiddenAct";

/** The linear layer that a task head begins with. */
export interface HeadDense {
  /** Its path. */
  readonly path: string;
  /** Set where it belongs to the encoder, so that the prefix stands before it. */
  readonly prefixed?: true;
  /** What follows it. */
  readonly activation: HeadActivation;
}

/** The head of `ForSequenceClassification`: `output(activation(dense(first token)))`. */
export interface ClassificationHead {
  /** The first linear layer, `[hidden_size, hidden_size]`. */
  readonly dense: HeadDense;
  /** Path of the second, `[labels, hidden_size]`. */
  readonly output: string;
}

/** The head of `ForMaskedLM`: `norm(activation(dense(x))) · decoderᵀ + bias`. */
export interface MaskedLmHead {
  /** The first linear layer, `[embedding width, hidden_size]`. */
  readonly dense: HeadDense;
  /** Path of the LayerNorm. */
  readonly norm: string;
  /** Name of the decoder's weight; where a checkpoint lacks it, it is the word table. */
  readonly decoder: string;
  /** Names under which the decoder's bias is found, `[vocab_size]`. */
  readonly bias: readonly string[];
}

/** How config.json spells a size, and what it is where it is missing. */
export interface ConfigKey {
  /** Keys, the architecture's own first. */
  readonly keys: readonly string[];
  /** The value that transformers assumes; must be given when left out. */
  readonly fallback?: number;
}

/** What config.json must say. */
export type SizeName =
  | "hiddenSize"
  | "numHiddenLayers"
  | "numAttentionHeads"
  | "intermediateSize"
  | "vocabSize"
  | "maxPositionEmbeddings";

/** An encoder architecture as tables; injector, runtime and validator read the same ones. */
export interface Architecture {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** What may stand before every canonical name, most common first; "" for a bare encoder. */
  readonly prefixes: readonly string[];
  /** Where the embeddings stand. */
  readonly embeddingPaths: EmbeddingPaths;
  /** Where the parts of a layer stand. */
  readonly layerPaths: LayerPaths;
  /** Tensors before the first layer. */
  readonly embeddings: readonly WeightTemplate[];
  /** Tensors of each layer. */
  readonly layer: readonly WeightTemplate[];
  /** Tensors after the last layer. */
  readonly extra: readonly WeightTemplate[];
  /** Beginnings of names that belong to task heads, never prefixed; the encoder reads none. */
  readonly heads: readonly string[];
  /** The head of `ForSequenceClassification`. */
  readonly classificationHead: ClassificationHead;
  /** The head of `ForMaskedLM`. */
  readonly maskedLmHead: MaskedLmHead;
  /** Path of the tiny-attention module of a layer, with `{layer}` and without prefix. */
  readonly adapterPath: string;
  /** How config.json spells the sizes. */
  readonly configKeys: Readonly<Record<SizeName, ConfigKey>>;
  /** `hidden_act` by its key in config.json and the value that transformers assumes. */
  readonly activationKey: { readonly key: string; readonly fallback: string };
  /** Width of the embeddings where config.json lacks `embedding_size`; else the hidden size. */
  readonly embeddingSize?: number;
  /** `pad_token_id` where config.json lacks it. */
  readonly padTokenId: number;
  /** Whether positions are counted from `pad_token_id + 1`, padding left out. */
  readonly positionsAfterPadding: boolean;
  /** Whether token types differ by text; else the first row of the table, if any, is added. */
  readonly readsTypeIds: boolean;
  /** Whether every layer has the same weights, and the same tiny-attention module. */
  readonly sharedLayers: boolean;
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
