import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { longestFirst } from "../../lib/text/truncate.ts";

Deno.test("longestFirst() keeps everything that fits", () => {
  assertEquals(longestFirst(3, 4, 7), [3, 4]);
  assertEquals(longestFirst(0, 0, 0), [0, 0]);
});

Deno.test("longestFirst() takes from the longer text only while it is longer", () => {
  assertEquals(longestFirst(10, 2, 6), [4, 2]);
  assertEquals(longestFirst(2, 10, 6), [2, 4]);
  assertEquals(longestFirst(0, 10, 6), [0, 6]);
});

Deno.test("longestFirst() halves the room when both texts are too long", () => {
  assertEquals(longestFirst(10, 8, 6), [3, 3]);
  assertEquals(longestFirst(100, 100, 0), [0, 0]);
});

Deno.test("longestFirst() leaves an odd token with the longer text, the second on a tie", () => {
  assertEquals(longestFirst(10, 8, 7), [4, 3]);
  assertEquals(longestFirst(8, 10, 7), [3, 4]);
  assertEquals(longestFirst(9, 9, 7), [3, 4]);
  assertEquals(longestFirst(5, 1, 1), [1, 0]);
});

Deno.test("longestFirst() fills the room exactly and never takes from a text that fits in half", () => {
  const count = fc.nat({ max: 60 });
  fc.assert(
    fc.property(count, count, count, (first, second, room) => {
      const [keptFirst, keptSecond] = longestFirst(first, second, room);
      assertEquals(keptFirst + keptSecond, Math.min(first + second, room));
      if (keptFirst > first || keptSecond > second) return false;
      if (first <= Math.floor(room / 2) && keptFirst !== first) return false;
      return second > Math.floor(room / 2) || keptSecond === second;
    }),
    { seed: 20250101, numRuns: 2000 },
  );
});
