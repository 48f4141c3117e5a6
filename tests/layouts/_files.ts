// Checkpoints of other layouts, written as files.

import { join } from "@std/path";
import { BODY_TENSORS, type BodyKind } from "../../lib/layouts/bodies.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import type { FloatDtype } from "../../lib/tensor/dtype.ts";
import { noise } from "../_noise.ts";
import { randomBody, type Sizes } from "./_modules.ts";

/** A tensor to be written. */
export interface FileTensor {
  name: string;
  shape: number[];
  values: Float64Array;
}

/** The sizes of the tests' files: two heads of width 2. */
export const FILE_SIZES: Sizes = { hiddenSize: 6, numHeads: 2, headDim: 2 };

/** Tensors of a module below a path. */
export function moduleTensors(
  path: string,
  kind: BodyKind,
  seed: number,
  sizes: Sizes = FILE_SIZES,
): FileTensor[] {
  const inner = sizes.numHeads * sizes.headDim;
  const dims = { hidden: sizes.hiddenSize, inner, innerThrice: 3 * inner };
  const values = randomBody(kind, sizes, seed);
  return BODY_TENSORS[kind].map(({ name, shape }) => {
    const sized = shape.map((dimension) => dims[dimension]);
    return { name: `${path}.${name}`, shape: sized, values: values.get(name)! };
  });
}

/** A tensor of random values. */
export function tensor(name: string, shape: number[], seed = 900): FileTensor {
  const length = shape.reduce((product, size) => product * size, 1);
  return { name, shape, values: Float64Array.from(noise(length, { seed })) };
}

/** The authors' classifier with three outputs. */
export function classifierTensors(path = "classifier.out_proj", rows = 3): FileTensor[] {
  return [
    tensor(`${path}.weight`, [rows, FILE_SIZES.hiddenSize], 901),
    tensor(`${path}.bias`, [rows], 902),
  ];
}

/** A whole checkpoint of the authors' RoBERTa: two layers, a classifier and a tensor of the base. */
export function robertaTensors(): FileTensor[] {
  return [
    ...[0, 1].flatMap((layer) =>
      moduleTensors(`roberta.encoder.layer.${layer}.tiny_attn`, "joined", layer + 1)
    ),
    ...classifierTensors(),
    tensor("roberta.embeddings.word_embeddings.weight", [4, 6], 903),
  ];
}

/** Writes a safetensors file and gives its path. */
export async function writeTensors(
  folder: string,
  tensors: readonly FileTensor[],
  { dtype = "F32", name = "theirs.safetensors", metadata = {} }: {
    dtype?: FloatDtype;
    name?: string;
    metadata?: Record<string, string>;
  } = {},
): Promise<string> {
  const path = join(folder, name);
  const data = tensors.map(({ name, shape, values }) => {
    return { name, shape, dtype, data: encodeFloats(values, dtype) };
  });
  await Deno.writeFile(path, serialize(data, new Map(Object.entries(metadata))));
  return path;
}
