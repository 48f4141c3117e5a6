// Heads that are one function in different weights: what the methods are there for.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { alignHeads, headSpread } from "../../lib/merge/align.ts";
import { alignedHeads } from "../../lib/merge/aligned.ts";
import { averageHeads } from "../../lib/merge/average.ts";
import { relativeError } from "../../lib/merge/compare.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { centreLayer, joinHeads, splitHeads } from "../../lib/merge/heads.ts";
import type { LayerModule } from "../../lib/merge/layer.ts";
import { mergeLayer } from "../../lib/merge/methods.ts";
import { productHeads } from "../../lib/merge/product.ts";
import { assertClose } from "../_close.ts";
import {
  describeSizes,
  gaugedHeads,
  permuteHeads,
  raggedInputs,
  randomModule,
  SIZES,
} from "./_modules.ts";

/** One head under random gauges, as a module of several. */
const gauged = fc.record({
  hiddenSize: fc.integer({ min: 4, max: 12 }),
  headDim: fc.integer({ min: 1, max: 4 }),
  combine: fc.constantFrom("sum" as const, "mean" as const),
  count: fc.integer({ min: 2, max: 6 }),
  seed: fc.integer({ min: 0, max: 1000 }),
}).map(({ count, seed, ...sizes }) => {
  const head = foldLayer(randomModule({ ...sizes, numHeads: 1 }, seed));
  return { module: gaugedHeads(head, count, seed), inputs: raggedInputs(sizes.hiddenSize, seed) };
});

for (
  const [name, merge] of [["alignedHeads", alignedHeads], ["productHeads", productHeads]] as const
) {
  Deno.test(`${name}() recovers heads that are one function, under any gauge`, () => {
    fc.assert(
      fc.property(gauged, ({ module, inputs }) => {
        const merged = merge(module);
        assertEquals(merged.numHeads, 1);
        const error = relativeError(merged, module, inputs);
        assert(error < 1e-6, `relative error ${error}`);
      }),
      { seed: 22, numRuns: 200 },
    );
  });
}

Deno.test("averageHeads() does not recover heads that are one function in other weights", () => {
  fc.assert(
    fc.property(gauged, ({ module, inputs }) => {
      const error = relativeError(averageHeads(module), module, inputs);
      assert(error > 1e-3, `relative error ${error}`);
    }),
    { seed: 23, numRuns: 100 },
  );
});

for (const sizes of SIZES.filter(({ numHeads }) => numHeads > 1)) {
  Deno.test(`alignHeads() changes no head's output for ${describeSizes(sizes)}`, () => {
    const folded = foldLayer(randomModule(sizes, 40));
    const inputs = raggedInputs(sizes.hiddenSize, 41);
    for (let reference = 0; reference < sizes.numHeads; reference++) {
      const heads = splitHeads(folded);
      const aligned = alignHeads(heads, { attention: reference, value: reference });
      for (const [i, head] of aligned.entries()) {
        const exact = { atol: 1e-12, rtol: 1e-12 };
        const of = (it: typeof head): LayerModule => joinHeads(folded, [it]);
        assertClose(layerUpdate(of(head), inputs), layerUpdate(of(heads[i]!), inputs), exact);
      }
    }
  });
}

Deno.test("alignHeads() makes equal heads equal in their weights", () => {
  const head = foldLayer(
    randomModule({ hiddenSize: 8, numHeads: 1, headDim: 3, combine: "sum" }, 42),
  );
  const aligned = alignHeads(splitHeads(gaugedHeads(head, 4, 43)));
  for (const { attention, value } of aligned) {
    const close = { atol: 1e-11, rtol: 1e-11 };
    assertClose(attention.left, aligned[2]!.attention.left, close);
    assertClose(attention.right, aligned[2]!.attention.right, close);
    assertClose(value.left, aligned[2]!.value.left, close);
    assertClose(value.right, aligned[2]!.value.right, close);
  }
});

Deno.test("headSpread() is 0 for one function in any weights and large for heads apart", () => {
  const one = foldLayer(
    randomModule({ hiddenSize: 8, numHeads: 1, headDim: 2, combine: "sum" }, 44),
  );
  assert(headSpread(splitHeads(gaugedHeads(one, 3, 45))) < 1e-12);
  assert(headSpread(splitHeads(foldLayer(randomModule(SIZES[0]!, 46)))) > 0.5);
  assertEquals(headSpread(splitHeads(one)), 0);
});

Deno.test("headSpread() matches a value worked by hand", () => {
  // Balanced factors of length 1 and 2: all four parts of the heads are x and 2 x.
  const unit = { rows: 1, left: Float64Array.of(1, 0), right: Float64Array.of(0, 1) };
  const twice = { rows: 1, left: Float64Array.of(-2, 0), right: Float64Array.of(0, -2) };
  const heads = [{ attention: unit, value: unit }, { attention: twice, value: twice }];
  // The mean is 1.5, both are 0.5 away.
  assert(Math.abs(headSpread(heads) - 1 / 3) < 1e-12);
});

for (const method of ["aligned", "product"] as const) {
  for (const combine of ["sum", "mean"] as const) {
    Deno.test(`mergeLayer() by ${method} finds the two functions among five heads of '${combine}'`, () => {
      const sizes = { hiddenSize: 10, numHeads: 1, headDim: 2, combine };
      const [a, b] = [randomModule(sizes, 47), randomModule(sizes, 48)].map((module) =>
        centreLayer(foldLayer(module))
      );
      const heads = [...splitHeads(gaugedHeads(a!, 3, 49)), ...splitHeads(gaugedHeads(b!, 2, 50))];
      const module = permuteHeads(joinHeads(a!, heads), [0, 3, 1, 4, 2]);
      const merged = mergeLayer(module, { method, heads: 2 });
      assertEquals(merged.groups, [[0, 2, 4], [1, 3]]);
      assert(relativeError(merged.module, module, raggedInputs(10, 51)) < 1e-6);
    });
  }
}
