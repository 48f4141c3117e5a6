import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { UsageError } from "../../lib/errors.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { mergeLayer } from "../../lib/merge/methods.ts";
import { mergeParts } from "../../lib/merge/soup.ts";
import { assertClose } from "../_close.ts";
import { raggedInputs, randomModule, SIZES } from "./_modules.ts";

const REDUCING = ["average", "aligned", "product"] as const;

Deno.test("mergeLayer() by stack and fold computes the same on 1,000 random modules", () => {
  const sizes = fc.record({
    hiddenSize: fc.integer({ min: 1, max: 12 }),
    numHeads: fc.integer({ min: 1, max: 7 }),
    headDim: fc.integer({ min: 1, max: 4 }),
    combine: fc.constantFrom("sum" as const, "mean" as const),
  });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 0, max: 1e6 }), (sizes, seed) => {
      const module = randomModule(sizes, seed);
      const inputs = raggedInputs(sizes.hiddenSize, seed);
      const want = layerUpdate(module, inputs);
      const exact = { atol: 1e-12, rtol: 1e-12 };
      assertStrictEquals(mergeLayer(module, { method: "stack" }).module, module);
      const folded = mergeLayer(module, { method: "stack", fold: true }).module;
      assertEquals(folded.numHeads, sizes.numHeads);
      assertClose(layerUpdate(folded, inputs), want, exact, "fold");
      // The stack of two adapters, which is where stacking moves anything.
      const parts = [{ module, weight: 0.25 }, { module, weight: 0.75 }];
      const stacked = mergeParts(parts, "stack").module;
      assertEquals(stacked.numHeads, 2 * sizes.numHeads);
      assertClose(layerUpdate(stacked, inputs), want, exact, "stack");
    }),
    { seed: 25, numRuns: 1000 },
  );
});

for (const method of REDUCING) {
  Deno.test(`mergeLayer() by ${method} into as many heads computes the same`, () => {
    for (const sizes of SIZES) {
      const module = randomModule(sizes, 90);
      const inputs = raggedInputs(sizes.hiddenSize, 91);
      const merged = mergeLayer(module, { method, heads: sizes.numHeads });
      assertEquals(merged.groups.map((group) => group.length), Array(sizes.numHeads).fill(1));
      const exact = { atol: 1e-12, rtol: 1e-12 };
      assertClose(layerUpdate(merged.module, inputs), layerUpdate(module, inputs), exact);
      assertEquals(mergeLayer(module, { method, heads: 99 }), merged);
    }
  });

  Deno.test(`mergeLayer() by ${method} leaves as many heads as asked, 1 unless asked`, () => {
    const module = randomModule(SIZES[0]!, 92);
    for (const heads of [1, 2, 3]) {
      const { module: merged, groups } = mergeLayer(module, { method, heads });
      assertEquals([merged.numHeads, groups.length, merged.headDim], [heads, heads, 1]);
      assertEquals(groups.flat().sort(), [0, 1, 2, 3]);
    }
    assertEquals(mergeLayer(module, { method }).groups, [[0, 1, 2, 3]]);
  });
}

Deno.test("mergeLayer() by stack folds when asked and refuses a number of heads", () => {
  const module = randomModule(SIZES[1]!, 93);
  assertEquals(mergeLayer(module, { method: "stack", fold: true }).module, foldLayer(module));
  const merge = () => mergeLayer(module, { method: "stack", heads: 2 });
  const error = assertThrows(merge, UsageError, "stack keeps every head");
  assert(error.message.includes("aligned"));
});
