import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../lib/errors.ts";
import { formatShard, parseShard, shardOfRow, shardRows } from "../../lib/eval/shards.ts";

Deno.test("parseShard() reads I/N with I from 1 to N and nothing else", () => {
  assertEquals(parseShard("1/1"), { index: 1, count: 1 });
  assertEquals(parseShard("10000/10000"), { index: 10_000, count: 10_000 });
  assertEquals(formatShard(parseShard("2/7")), "2/7");
  for (
    const text of ["0/7", "8/7", "1/0", "1", "1/", "/7", "1/10001", "-1/7", "1/7/7", "a/b", ""]
  ) {
    assertThrows(() => parseShard(text), UsageError, `Bad value "${text}" of --shard`);
  }
});

Deno.test("shardRows() deals rows out one by one", () => {
  assertEquals(shardRows(10, { index: 1, count: 3 }), [0, 3, 6, 9]);
  assertEquals(shardRows(10, { index: 3, count: 3 }), [2, 5, 8]);
  assertEquals(shardRows(2, { index: 3, count: 3 }), []);
});

Deno.test("shardRows() gives every row to the one shard that shardOfRow() names", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 20 }), (rows, count) => {
      const shards = Array.from({ length: count }, (_, i) => i + 1);
      const dealt = shards.flatMap((index) =>
        shardRows(rows, { index, count }).map((row) => {
          assertEquals(shardOfRow(row, count), index);
          return row;
        })
      );
      assertEquals(dealt.sort((a, b) => a - b), Array.from({ length: rows }, (_, row) => row));
    }),
    { seed: 7 },
  );
});
