/**
 * Embeddings: rows of the word, position and type tables, gathered and summed in host memory, so
 * that a table may be larger than what a device binds.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import type { PackedBatch } from "./batch.ts";
import type { EmbeddingTable, EncoderWeights } from "./load.ts";

/**
 * Gathers and sums the embeddings of a batch, before their LayerNorm.
 *
 * @param batch The packed sequences.
 * @param weights The encoder's tables.
 * @param into f32 [tokens, embedding width]; overwritten.
 * @throws {TinygraftError} with code `sequence-too-long` for a position outside its table, or
 * `invalid-tokenizer` for an id or type outside its table.
 */
export function sumEmbeddings(
  batch: PackedBatch,
  weights: EncoderWeights,
  into: Float32Array,
): void {
  const { architecture, config, words, positions, types } = weights;
  const width = config.embeddingSize;
  const places = architecture.positionsAfterPadding
    ? positionsAfterPadding(batch, config.padTokenId)
    : batch.positions;
  for (let token = 0; token < batch.tokens; token++) {
    const word = rowStart(words, batch.ids[token]!, width, "token id");
    const position = rowStart(positions, places[token]!, width, "position");
    const typeId = architecture.readsTypeIds ? batch.typeIds[token]! : 0;
    const type = types && rowStart(types, typeId, width, "token type");
    const target = token * width;
    for (let i = 0; i < width; i++) {
      let sum = words.values[word + i]!;
      // The order of BERT's own sum: word and type first, rounded to f32, then position.
      if (type !== undefined) sum = Math.fround(sum + types!.values[type + i]!);
      into[target + i] = sum + positions.values[position + i]!;
    }
  }
}

/**
 * Positions as RoBERTa counts them: from the padding token's id plus 1, where padding tokens do not
 * count and have that id as their position (`create_position_ids_from_input_ids` of transformers).
 * A text can name the padding token, so that it occurs without any padding.
 */
function positionsAfterPadding(
  { tokens, starts, ids }: PackedBatch,
  padTokenId: number,
): Uint32Array<ArrayBuffer> {
  const positions = new Uint32Array(tokens);
  for (let b = 0; b + 1 < starts.length; b++) {
    let next = padTokenId + 1;
    for (let token = starts[b]!; token < starts[b + 1]!; token++) {
      positions[token] = ids[token] === padTokenId ? padTokenId : next++;
    }
  }
  return positions;
}

function rowStart(table: EmbeddingTable, row: number, width: number, what: string): number {
  if (row < table.rows) return row * width;
  throw new TinygraftError(
    `Cannot embed ${what} ${row}: the base's table has ${table.rows} rows`,
    { code: what === "position" ? "sequence-too-long" : "invalid-tokenizer" },
  );
}
