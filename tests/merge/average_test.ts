import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { averageHeads } from "../../lib/merge/average.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { assertClose } from "../_close.ts";
import {
  describeSizes,
  oneHead,
  raggedInputs,
  randomModule,
  repeatHead,
  SIZES,
} from "./_modules.ts";

const EXACT = { atol: 1e-12, rtol: 1e-12 };

Deno.test("averageHeads() of equal heads computes the same, for any M, d, combine and inputs", () => {
  const sizes = fc.record({
    hiddenSize: fc.integer({ min: 1, max: 12 }),
    numHeads: fc.constant(1),
    headDim: fc.integer({ min: 1, max: 4 }),
    combine: fc.constantFrom("sum" as const, "mean" as const),
  });
  const count = fc.integer({ min: 1, max: 7 });
  const seed = fc.integer({ min: 0, max: 1000 });
  fc.assert(
    fc.property(sizes, count, seed, (sizes, count, seed) => {
      const stacked = repeatHead(randomModule(sizes, seed), count);
      const merged = averageHeads(stacked);
      assertEquals(merged.numHeads, 1);
      assertEquals(merged.queryWeight.length, sizes.headDim * sizes.hiddenSize);
      const inputs = raggedInputs(sizes.hiddenSize, seed);
      assertClose(layerUpdate(merged, inputs), layerUpdate(stacked, inputs), EXACT);
    }),
    { seed: 11, numRuns: 100 },
  );
});

Deno.test("averageHeads() sums output weights for 'sum' and averages them for 'mean'", () => {
  const module = {
    ...randomModule({ hiddenSize: 1, numHeads: 4, headDim: 1, combine: "sum" }, 12),
    normWeight: Float64Array.of(1),
    normBias: Float64Array.of(0),
    queryWeight: Float64Array.of(1, 2, 3, 6),
    queryBias: Float64Array.of(4, 0, 0, 0),
    valueBias: new Float64Array(4),
    outputWeight: Float64Array.of(1, 2, 3, 10),
    outputBias: Float64Array.of(5),
  };
  const sum = averageHeads(module);
  assertEquals(sum.queryWeight, Float64Array.of(3));
  assertEquals(sum.queryBias, Float64Array.of(1));
  assertEquals(sum.outputWeight, Float64Array.of(16));
  const mean = averageHeads({ ...module, combine: "mean" });
  assertEquals(mean.outputWeight, Float64Array.of(4));
  assertEquals([mean.combine, mean.queryWeight[0]], ["mean", 3]);
  // The bias belongs to no head.
  assertEquals([sum.outputBias[0], mean.outputBias[0]], [5, 5]);
});

Deno.test("averageHeads() averages element by element within heads wider than 1", () => {
  const sizes = { hiddenSize: 2, numHeads: 2, headDim: 2, combine: "mean" } as const;
  const module = {
    ...foldLayer(randomModule(sizes, 13)),
    valueWeight: Float64Array.of(1, 2, 3, 4, 11, 22, 33, 44), // rows of head 0, then of head 1
    outputWeight: Float64Array.of(1, 2, 11, 12, 3, 4, 23, 24), // columns of head 0, then of head 1
  };
  const merged = averageHeads(module);
  assertEquals(merged.valueWeight, Float64Array.of(6, 12, 18, 24));
  assertEquals(merged.outputWeight, Float64Array.of(6, 7, 13, 14));
});

for (const sizes of SIZES) {
  Deno.test(`averageHeads() of one head is an exact fold for ${describeSizes(sizes)}`, () => {
    const single = oneHead(randomModule(sizes, 14), sizes.numHeads - 1);
    assertEquals(averageHeads(single), foldLayer(single));
  });
}

Deno.test("averageHeads() folds before it averages", () => {
  // Heads with equal folded weights whose biases differ only in what folding removes.
  const head = randomModule({ hiddenSize: 6, numHeads: 1, headDim: 1, combine: "sum" }, 15);
  const module = { ...repeatHead(head, 2), keyBias: Float64Array.of(3, -8) };
  const inputs = raggedInputs(6, 16);
  assertClose(layerUpdate(averageHeads(module), inputs), layerUpdate(module, inputs), EXACT);
});

Deno.test("averageHeads() loses heads that are one function with opposite signs", () => {
  const head = foldLayer(
    randomModule({ hiddenSize: 6, numHeads: 1, headDim: 1, combine: "sum" }, 17),
  );
  const negated = (values: Float64Array) => Float64Array.of(...values, ...values.map((v) => -v));
  const pair = {
    ...repeatHead(head, 2),
    valueWeight: negated(head.valueWeight),
    outputWeight: repeatHead(head, 2).outputWeight.map((value, i) => i % 2 === 0 ? value : -value),
  };
  const merged = averageHeads(pair);
  assert(merged.valueWeight.every((value) => value === 0));
  assert(merged.outputWeight.every((value) => value === 0));
});
