import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ALIGNMENT, FreeList } from "../../../lib/compute/wasm/free_list.ts";

Deno.test("FreeList takes the first range that is long enough and joins what is given back", () => {
  const list = new FreeList();
  assertEquals(list.take(1), undefined);
  list.add(0, 256);
  const [a, b, c] = [list.take(1), list.take(65), list.take(64)];
  assertEquals([a, b, c], [0, 64, 192]); // rounded up to 64
  assertEquals(list.take(1), undefined);
  list.give(0);
  list.give(192);
  assertEquals(list.take(128), undefined); // 64 free before and after
  list.give(64);
  assertEquals(list.take(256), 0);
  assertEquals(list.takenBytes, 256);
});

Deno.test("FreeList counts what is free at the end towards a growth", () => {
  const list = new FreeList();
  list.add(0, 128);
  list.take(64);
  assertEquals(list.missing(200, 128), 256 - 64);
  assertEquals(list.missing(200, 512), 256); // what is free does not touch the end
});

Deno.test("give() refuses what was not taken", () => {
  const list = new FreeList();
  list.add(0, 128);
  list.take(64);
  list.give(0);
  assertThrows(() => list.give(0), RangeError, "address 0");
});

Deno.test("FreeList never hands out a byte twice and gets every byte back", () => {
  const step = fc.oneof(
    fc.record({ take: fc.integer({ min: 1, max: 700 }) }),
    fc.record({ give: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
      const list = new FreeList();
      list.add(0, 4096);
      const taken: { begin: number; end: number }[] = [];
      for (const step of steps) {
        if ("take" in step) {
          const begin = list.take(step.take);
          if (begin === undefined) continue;
          const end = begin + step.take;
          assert(begin % ALIGNMENT === 0 && end <= 4096);
          assert(taken.every((other) => end <= other.begin || other.end <= begin));
          taken.push({ begin, end });
        } else {
          const [range] = taken.splice(step.give, 1);
          if (range !== undefined) list.give(range.begin);
        }
      }
      for (const { begin } of taken) list.give(begin);
      assertEquals(list.takenBytes, 0);
      assertEquals(list.take(4096), 0);
    }),
    { seed: 6 },
  );
});
