import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { parseShardSize, splitShards } from "../../lib/checkpoint/shards.ts";
import { UsageError } from "../../lib/errors.ts";

const tensor = (bytes: number) => ({ dtype: "U8" as const, shape: [bytes] });
const sizes = (shards: readonly (readonly { shape: readonly number[] }[])[]) =>
  shards.map((shard) => shard.map(({ shape }) => shape[0]!));

Deno.test("parseShardSize() knows decimal and binary units", () => {
  const read = ["5GB", "500MB", "1.5kb", "2 KiB", "1GiB", "7", "7B", "1TB"].map(parseShardSize);
  assertEquals(read, [5e9, 5e8, 1500, 2048, 2 ** 30, 7, 7, 1e12]);
});

Deno.test("parseShardSize() refuses what is no size", () => {
  for (const text of ["", "GB", "-1GB", "0", "0.2B", "5XB", "1e3", "5GB5", "NaN", "9999999TB"]) {
    assertThrows(() => parseShardSize(text), UsageError, "shard size");
  }
});

Deno.test("splitShards() fills greedily in order, and gives large tensors a shard each", () => {
  const split = (list: number[], limit: number) => sizes(splitShards(list.map(tensor), limit));
  assertEquals(split([4, 6, 1, 9, 2], 10), [[4, 6], [1, 9], [2]]);
  assertEquals(split([4, 11, 6, 1], 10), [[11], [4, 6], [1]]);
  assertEquals(split([11, 12], 10), [[11], [12]]);
  assertEquals(split([0, 10, 0], 10), [[0, 10, 0]]);
  assertEquals(split([1, 2, 3], Infinity), [[1, 2, 3]]);
  assertEquals(split([], 10), [[]]);
});

Deno.test("splitShards() loses nothing, keeps to the limit and could not merge neighbours", () => {
  const property = fc.property(
    fc.array(fc.nat(30), { minLength: 1 }),
    fc.integer({ min: 1, max: 40 }),
    (list, limit) => {
      const shards = sizes(splitShards(list.map(tensor), limit));
      const sum = (shard: readonly number[]) => shard.reduce((total, size) => total + size, 0);
      assertEquals(shards.flat().sort(), [...list].sort());
      assert(shards.every((shard) => shard.length > 0));
      assert(shards.every((shard) => sum(shard) <= limit || shard.length === 1));
      const shared = shards.filter((shard) => sum(shard) <= limit);
      const next = shared.slice(1).map((shard) => shard[0]!);
      assert(next.every((first, i) => sum(shared[i]!) + first > limit));
    },
  );
  fc.assert(property, { seed: 4, numRuns: 300 });
});
