import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { packBatches } from "../../lib/runtime/batch.ts";

function sequence(length: number, first = 1) {
  return {
    ids: Uint32Array.from({ length }, (_, i) => first + i),
    typeIds: Uint32Array.from({ length }, (_, i) => (i * 2 < length ? 0 : 1)),
  };
}

Deno.test("packBatches() lays sequences end to end with their positions and types", () => {
  const limits = { maxTokens: 10, maxSequences: 10 };
  const [batch, ...rest] = packBatches([sequence(2, 1), sequence(4, 11)], limits);
  assertEquals(rest, []);
  assertEquals(batch!.indices, [1, 0]);
  assertEquals([...batch!.starts], [0, 4, 6]);
  assertEquals([...batch!.ids], [11, 12, 13, 14, 1, 2]);
  assertEquals([...batch!.positions], [0, 1, 2, 3, 0, 1]);
  assertEquals([...batch!.typeIds], [0, 0, 1, 1, 0, 1]);
});

Deno.test("packBatches() places the selected token of each sequence", () => {
  const sequences = [{ ...sequence(2), selected: 1 }, { ...sequence(4), selected: 2 }, sequence(1)];
  const [batch] = packBatches(sequences, { maxTokens: 10, maxSequences: 10 });
  assertEquals([...batch!.selected], [2, 5, 6]);
});

Deno.test("packBatches() caps sequences as well as tokens", () => {
  const five = Array.from({ length: 5 }, () => sequence(1));
  const batches = packBatches(five, { maxTokens: 100, maxSequences: 2 });
  assertEquals(batches.map(({ indices }) => indices.length), [2, 2, 1]);
});

Deno.test("packBatches() refuses empty sequences and those over the limit", () => {
  const limits = { maxTokens: 4, maxSequences: 2 };
  assertThrows(() => packBatches([sequence(5)], limits), RangeError, "5 tokens, expected 1 to 4");
  assertThrows(() => packBatches([sequence(0)], limits), RangeError, "0 tokens");
});

Deno.test("packBatches() gives no batch for no sequence", () => {
  assertEquals(packBatches([], { maxTokens: 4, maxSequences: 2 }), []);
});

Deno.test("packBatches() holds every sequence once and keeps to the limits", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 32 }), { maxLength: 40 });
  fc.assert(
    fc.property(lengths, fc.integer({ min: 1, max: 8 }), (sizes, maxSequences) => {
      const batches = packBatches(sizes.map((size) => sequence(size)), {
        maxTokens: 32,
        maxSequences,
      });
      const seen = batches.flatMap(({ indices }) => indices).sort((a, b) => a - b);
      assertEquals(seen, sizes.map((_, index) => index));
      for (const { tokens, indices, starts, ids } of batches) {
        assertEquals([ids.length, starts.at(-1), starts.length], [
          tokens,
          tokens,
          indices.length + 1,
        ]);
        if (tokens > 32 || indices.length > maxSequences) throw new Error("over the limit");
      }
    }),
    { seed: 1, numRuns: 200 },
  );
});
