import { assertEquals } from "@std/assert";
import { indexBatch } from "../../../lib/compute/webgpu/batch_index.ts";

Deno.test("indexBatch() gives each token its span and each block its rows, then zeros", () => {
  const index = indexBatch({ tokens: 7, starts: Uint32Array.of(0, 1, 7) }, 4);
  assertEquals(index.counts, { tokens: 7, sequences: 2, pairs: 1 + 36, blocks: 3 });
  assertEquals([...index.spans.slice(0, 6)], [0, 1, 1, 7, 1, 7]);
  assertEquals([...index.spans.slice(12, 16)], [1, 7, 0, 0]);
  assertEquals([...index.blocks.slice(0, 16)], [0, 1, 0, 1, 1, 5, 1, 7, 5, 7, 1, 7, 0, 0, 0, 0]);
  assertEquals([...index.selected.slice(0, 12)], [0, 1, 0, 1, 1, 2, 1, 7, 0, 0, 0, 0]);
  const selected = indexBatch({
    tokens: 7,
    starts: Uint32Array.of(0, 1, 7),
    selected: Uint32Array.of(0, 6),
  }, 4);
  assertEquals([...selected.selected.slice(0, 12)], [0, 1, 0, 1, 6, 7, 1, 7, 0, 0, 0, 0]);
  assertEquals([...index.starts], [0, 1, ...new Array(8).fill(0)]);
});
