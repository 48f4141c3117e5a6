import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import {
  drawIndex,
  dropoutFactors,
  dropoutKeys,
  randomFor,
  shuffle,
} from "../../lib/train/random.ts";

const first = (...of: Parameters<typeof randomFor>) => randomFor(...of)();

Deno.test("randomFor() gives the same numbers for the same seed, purpose and index only", () => {
  assertEquals(first(1, "order", 5), first(1, "order", 5));
  const others = [first(2, "order", 5), first(1, "dropout", 5), first(1, "order", 6)];
  assertEquals(new Set([first(1, "order", 5), ...others]).size, 4);
});

Deno.test("drawIndex() draws every number about as often", () => {
  const counts = [0, 0, 0];
  for (let step = 0; step < 3000; step++) counts[drawIndex(randomFor(7, "heads", step), 3)]!++;
  for (const count of counts) assert(count > 900 && count < 1100, `${counts}`);
});

Deno.test("shuffle() keeps every item and leaves the input alone", () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), fc.nat(), (items, seed) => {
      const before = [...items];
      const shuffled = shuffle(items, randomFor(seed, "order", 0));
      assertEquals([...shuffled].sort(), [...items].sort());
      assertEquals(items, before);
    }),
    { seed: 1 },
  );
  const items = Array.from({ length: 50 }, (_, i) => i);
  assertNotEquals(shuffle(items, randomFor(1, "order", 0)), items);
});

Deno.test("dropoutFactors() keeps the mean at 1 and drops the share asked for", () => {
  const factors = dropoutFactors(10_000, 0.25, randomFor(3, "dropout", 0));
  const dropped = factors.filter((factor) => factor === 0).length;
  assert(dropped > 2300 && dropped < 2700, `${dropped}`);
  assert(factors.every((factor) => factor === 0 || factor === 1 / 0.75));
  assertAlmostEquals(factors.reduce((a, b) => a + b) / factors.length, 1, 0.05);
  assertEquals(dropoutFactors(3, 0, randomFor(3, "dropout", 0)), Float64Array.of(1, 1, 1));
});

Deno.test("dropoutKeys() depend on the place in the run, row and position, not on the batch", () => {
  const place = { seed: 1, step: 2, pass: 0, layer: 3 };
  const batch = (indices: number[], lengths: number[]) => {
    const starts = Uint32Array.of(0, ...lengths);
    for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
    const positions = Uint32Array.from(
      lengths.flatMap((n) => Array.from({ length: n }, (_, t) => t)),
    );
    return { indices, starts, positions };
  };
  const together = dropoutKeys(place, batch([7, 2], [3, 2]));
  assertEquals([...dropoutKeys(place, batch([2], [2]))], [...together.subarray(12)]);
  assert(together.every((byte) => Number.isInteger(byte) && byte >= 0 && byte < 256));
  const one = batch([7], [3]);
  const others = [{ seed: 2 }, { step: 3 }, { pass: 1 }, { layer: 2 }].map((other) =>
    dropoutKeys({ ...place, ...other }, one).join()
  );
  const tokens = [0, 1, 2, 3, 4].map((t) => together.subarray(4 * t, 4 * t + 4).join());
  assertEquals(new Set([together.subarray(0, 12).join(), ...others]).size, 5);
  assertEquals(new Set(tokens).size, 5);
});
