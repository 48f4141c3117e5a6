// Large random checkpoints for measurements, written stream by stream.

import { execute } from "../lib/checkpoint/execute.ts";
import { indexName, MODEL_WEIGHTS, shardName } from "../lib/checkpoint/names.ts";
import type { PlannedFile, TensorStep } from "../lib/checkpoint/plan.ts";
import { type DimensionName, fillLayer, type WeightTemplate } from "../lib/model/architecture.ts";
import { BERT } from "../lib/model/bert.ts";
import { formatShardIndex } from "../lib/safetensors/shard_index.ts";

/** How large a BERT is. */
export interface BertSize {
  readonly layers: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly vocabSize: number;
}

const BLOCK_ELEMENTS = 2 ** 20;

/** Values from -1 to 1, the same for every tensor but for where they begin. */
function makeBlock(): Uint8Array {
  return new Uint8Array(
    Float32Array.from({ length: BLOCK_ELEMENTS }, () => Math.random() * 2 - 1).buffer,
  );
}

function randomTensor(name: string, shape: readonly number[], block: Uint8Array): TensorStep {
  const bytes = shape.reduce((product, size) => product * size, 4);
  return {
    kind: "stream",
    name,
    dtype: "F32",
    shape,
    origin: "random",
    chunks: async function* () {
      for (let at = 0; at < bytes; at += block.length) yield block.subarray(0, bytes - at);
    },
  };
}

/**
 * The size of a BERT with weights of about so many bytes in F32.
 *
 * @param mebibytes How many MiB.
 * @returns Layers of the large BERT's width and, for what is left over, a vocabulary.
 */
export function bertOf(mebibytes: number): BertSize {
  const [hiddenSize, intermediateSize] = [1024, 4096];
  const layerBytes = 4 * (4 * hiddenSize ** 2 + 2 * hiddenSize * intermediateSize);
  const layers = Math.max(1, Math.floor((mebibytes * 2 ** 20) / layerBytes) - 1);
  const rest = mebibytes * 2 ** 20 - layers * layerBytes;
  const vocabSize = Math.max(100, Math.floor(rest / (4 * hiddenSize)));
  return { layers, hiddenSize, intermediateSize, vocabSize };
}

/**
 * Writes a BERT of random weights.
 *
 * @param folder The folder to make.
 * @param size Its sizes.
 * @param shards Over how many files its tensors are spread.
 */
export async function writeBert(folder: string, size: BertSize, shards: number): Promise<void> {
  const block = makeBlock();
  const sizes = {
    ...size,
    embeddingSize: size.hiddenSize,
    maxPositionEmbeddings: 512,
    typeVocabSize: 2,
  };
  const dimension = (name: DimensionName) => name === 1 ? 1 : sizes[name];
  const tensor = ({ name, shape }: WeightTemplate, layer: number) =>
    randomTensor(fillLayer(name, layer), shape.map(dimension), block);
  const steps = [
    ...BERT.embeddings.filter(({ optional, narrowOnly }) => !optional && !narrowOnly).map((each) =>
      tensor(each, 0)
    ),
    ...Array.from(
      { length: size.layers },
      (_, layer) => BERT.layer.map((each) => tensor(each, layer)),
    ).flat(),
  ];
  const metadata = new Map([["format", "pt"]]);
  const files = Array.from({ length: shards }, (_, i): PlannedFile => ({
    kind: "safetensors",
    path: shards === 1 ? MODEL_WEIGHTS : shardName(MODEL_WEIGHTS, i + 1, shards),
    tensors: steps.slice(steps.length * i / shards, steps.length * (i + 1) / shards),
    metadata,
  }));
  const texts: [path: string, text: string][] = [["config.json", configText(size)]];
  if (shards > 1) texts.push([indexName(MODEL_WEIGHTS), indexText(files)]);
  const others = texts.map(([path, text]): PlannedFile => {
    return { kind: "bytes", path, bytes: new TextEncoder().encode(text), origin: "made" };
  });
  await execute({ output: folder, kind: "folder", inputs: [], files: [...files, ...others] });
}

function indexText(files: readonly PlannedFile[]): string {
  const weightMap = new Map<string, string>();
  for (const file of files) {
    if (file.kind !== "safetensors") continue;
    for (const { name } of file.tensors) weightMap.set(name, file.path);
  }
  return formatShardIndex({ weightMap, metadata: {} });
}

function configText(size: BertSize): string {
  return JSON.stringify({
    architectures: ["BertModel"],
    hidden_act: "gelu",
    hidden_size: size.hiddenSize,
    intermediate_size: size.intermediateSize,
    layer_norm_eps: 1e-12,
    max_position_embeddings: 512,
    model_type: "bert",
    num_attention_heads: 16,
    num_hidden_layers: size.layers,
    type_vocab_size: 2,
    vocab_size: size.vocabSize,
  });
}

/**
 * Writes one file of many small tensors.
 *
 * @param path The file to make.
 * @param count How many.
 */
export async function writeManyTensors(path: string, count: number): Promise<void> {
  const block = makeBlock();
  const tensors = Array.from(
    { length: count },
    (_, i) => randomTensor(`encoder.layer.${i}.attention.self.query.weight`, [8, 8], block),
  );
  const files = [{ kind: "safetensors" as const, path: "", tensors, metadata: new Map() }];
  await execute({ output: path, kind: "file", inputs: [], files });
}
