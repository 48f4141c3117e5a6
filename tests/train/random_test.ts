import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import fc from "fast-check";
import { drawIndex, dropoutFactors, randomFor, shuffle } from "../../lib/train/random.ts";

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
