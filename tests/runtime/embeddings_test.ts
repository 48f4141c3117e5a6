// Sums of embeddings by hand: one column, so that each row is one number.

import { assertEquals, assertThrows } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { BERT } from "../../lib/model/bert.ts";
import { DISTILBERT } from "../../lib/model/distilbert.ts";
import { ROBERTA } from "../../lib/model/roberta.ts";
import type { Architecture } from "../../lib/model/architecture.ts";
import { packBatches } from "../../lib/runtime/batch.ts";
import { sumEmbeddings } from "../../lib/runtime/embeddings.ts";
import type { EncoderWeights } from "../../lib/runtime/load.ts";

const table = (...values: number[]) => ({
  values: Float32Array.from(values),
  rows: values.length,
});

/** Words count ones, positions tens, types hundreds. */
function sums(architecture: Architecture, ids: number[], typeIds: number[]): number[] {
  const weights = {
    architecture,
    config: { embeddingSize: 1, padTokenId: architecture.padTokenId },
    words: table(0, 1, 2, 3, 4, 5),
    positions: table(0, 10, 20, 30, 40, 50),
    types: architecture.embeddingPaths.types === undefined ? undefined : table(100, 200),
  } as unknown as EncoderWeights;
  const encodings = [{ ids: Uint32Array.from(ids), typeIds: Uint32Array.from(typeIds) }, {
    ids: Uint32Array.of(5),
    typeIds: Uint32Array.of(0),
  }];
  const [batch] = packBatches(encodings, { maxTokens: 100, maxSequences: 10 });
  const into = new Float32Array(batch!.tokens);
  sumEmbeddings(batch!, weights, into);
  return [...into];
}

Deno.test("sumEmbeddings() adds word, position and type, counted anew in each sequence", () => {
  assertEquals(sums(BERT, [1, 2, 3], [0, 0, 1]), [101, 112, 223, 105]);
});

Deno.test("sumEmbeddings() adds no types where there are none", () => {
  assertEquals(sums(DISTILBERT, [1, 2, 3], [0, 0, 1]), [1, 12, 23, 5]);
});

Deno.test("sumEmbeddings() counts RoBERTa's positions after padding, and one type for all", () => {
  // Padding is id 1: its position is 1, and it does not count.
  assertEquals(sums(ROBERTA, [3, 1, 4], [0, 0, 1]), [123, 111, 134, 125]);
});

Deno.test("sumEmbeddings() names what lies outside its table", () => {
  const refused = (architecture: Architecture, ids: number[], typeId = 0) =>
    assertThrows(() => sums(architecture, ids, ids.map(() => typeId)), TinygraftError);
  assertEquals(refused(BERT, [6]).code, "invalid-tokenizer");
  assertEquals(refused(BERT, [1], 2).code, "invalid-tokenizer");
  assertEquals(refused(BERT, [0, 0, 0, 0, 0, 0, 0]).code, "sequence-too-long");
  assertEquals(refused(ROBERTA, [0, 0, 0, 0, 0]).code, "sequence-too-long");
});
