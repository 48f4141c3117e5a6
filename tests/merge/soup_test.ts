import { assert, assertEquals } from "@std/assert";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { relativeError } from "../../lib/merge/compare.ts";
import type { LayerModule } from "../../lib/merge/layer.ts";
import { mergeParts, type SoupPart } from "../../lib/merge/soup.ts";
import { assertClose } from "../_close.ts";
import {
  gaugedHeads,
  type ModuleSizes,
  permuteHeads,
  raggedInputs,
  randomModule,
} from "./_modules.ts";

const D = 10;
const EXACT = { atol: 1e-12, rtol: 1e-12 };
const inputs = raggedInputs(D, 100);

/** Parts of random modules of the sizes given, of equal or given weights. */
function randomParts(
  sizes: readonly Partial<ModuleSizes>[],
  weights: readonly number[] = sizes.map(() => 1 / sizes.length),
): SoupPart[] {
  const whole = { hiddenSize: D, numHeads: 2, headDim: 1, combine: "sum" } as const;
  return sizes.map((size, i) => ({
    module: randomModule({ ...whole, ...size }, 101 + i),
    weight: weights[i]!,
  }));
}

/** The weighted mean of what the parts add, by its definition. */
function meanUpdate(parts: readonly SoupPart[]): Float64Array {
  const updates = parts.map(({ module }) => layerUpdate(module, inputs));
  return updates[0]!.map((_, i) =>
    updates.reduce((sum, update, part) => sum + parts[part]!.weight * update[i]!, 0)
  );
}

Deno.test("mergeParts() by stack is the weighted mean of modules of any heads, widths and kinds", () => {
  for (
    const parts of [
      randomParts([{}, {}]),
      randomParts([{ numHeads: 3 }, { combine: "mean" }, { headDim: 3 }], [0.5, 0.2, 0.3]),
      randomParts([{ headDim: 4, combine: "mean" }, { numHeads: 5, headDim: 2 }], [0.9, 0.1]),
    ]
  ) {
    const { module, stacked, groups } = mergeParts(parts, "stack");
    const heads = parts.reduce((sum, part) => sum + part.module.numHeads, 0);
    assertEquals([module.numHeads, module.combine, groups.length], [heads, "sum", heads]);
    assertEquals(module.headDim, Math.max(...parts.map((part) => part.module.headDim)));
    assertClose(layerUpdate(module, inputs), meanUpdate(parts), EXACT);
    assertEquals(stacked, module);
  }
});

Deno.test("mergeParts() measures every method against the exact mean", () => {
  const parts = randomParts([{ numHeads: 3 }, {}], [0.6, 0.4]);
  for (const method of ["average", "aligned", "product"] as const) {
    const { module, stacked } = mergeParts(parts, method);
    assertEquals([module.numHeads, stacked.numHeads], [3, 5]);
    assertClose(layerUpdate(stacked, inputs), meanUpdate(parts), EXACT);
  }
});

Deno.test("mergeParts() by average is the mean of each tensor of folded modules", () => {
  const sizes = { hiddenSize: 1, numHeads: 2, headDim: 1, combine: "sum" } as const;
  const base = foldLayer(randomModule(sizes, 105));
  const part = (key: number[], output: number[], bias: number, weight: number): SoupPart => ({
    weight,
    module: {
      ...base,
      queryBias: Float64Array.from(key),
      outputWeight: Float64Array.from(output),
      outputBias: Float64Array.of(bias),
    },
  });
  const parts = [part([4, 8], [1, 2], 10, 0.75), part([8, 0], [5, 6], 30, 0.25)];
  const { module, groups } = mergeParts(parts, "average");
  assertEquals(groups, [[0, 2], [1, 3]]);
  assertEquals(module.queryBias, Float64Array.of(5, 6));
  assertEquals(module.outputWeight, Float64Array.of(2, 3));
  assertEquals(module.outputBias, Float64Array.of(15));
});

Deno.test("mergeParts() by average lets heads without a partner keep their share", () => {
  const parts = randomParts([{ numHeads: 1 }, { numHeads: 2 }], [0.5, 0.5]);
  const { module, groups } = mergeParts(parts, "average");
  assertEquals(groups, [[0, 1], [2]]);
  const alone = foldLayer(parts[1]!.module);
  const column = (weights: Float64Array, of: LayerModule) =>
    weights.filter((_, i) => i % of.numHeads === 1);
  const want = column(alone.outputWeight, alone).map((value) => value / 2);
  assertClose(column(module.outputWeight, module), want, EXACT);
});

for (const method of ["aligned", "product"] as const) {
  Deno.test(`mergeParts() by ${method} finds an adapter again in other order and weights`, () => {
    const sizes = { hiddenSize: D, numHeads: 3, headDim: 2, combine: "sum" } as const;
    const first = foldLayer(randomModule(sizes, 106));
    const heads = [0, 1, 2].map((head) => permuteHeads(first, [head]));
    // The second adapter's heads: those of the first under random gauges, turned round.
    const gauged = heads.map((head, i) => gaugedHeads(head, 1, 107 + i));
    const second = mergeSideBySide([gauged[2]!, gauged[0]!, gauged[1]!]);
    const parts = [{ module: first, weight: 0.3 }, { module: second, weight: 0.7 }];
    const { module, groups, stacked } = mergeParts(parts, method);
    assertEquals(groups, [[0, 4], [1, 5], [2, 3]]);
    assert(relativeError(module, stacked, inputs) < 1e-6);
    assert(relativeError(module, first, inputs) < 1e-6);
    assert(relativeError(mergeParts(parts, "average").module, stacked, inputs) > 0.01);
  });

  Deno.test(`mergeParts() by ${method} pairs the heads of fewer with the most alike`, () => {
    const sizes = { hiddenSize: D, numHeads: 3, headDim: 1, combine: "sum" } as const;
    const first = foldLayer(randomModule(sizes, 110));
    const parts = [
      { module: permuteHeads(first, [2]), weight: 0.5 },
      { module: first, weight: 0.5 },
    ];
    const { groups, module, stacked } = mergeParts(parts, method);
    assertEquals(groups, [[1], [2], [0, 3]]);
    assert(relativeError(module, stacked, inputs) < 1e-6);
  });
}

/** One module of the heads of several that share all else, each scaled to count fully. */
function mergeSideBySide(modules: readonly LayerModule[]): LayerModule {
  const weight = 1 / modules.length;
  const stacked = mergeParts(modules.map((module) => ({ module, weight })), "stack").module;
  const outputWeight = stacked.outputWeight.map((value) => modules.length * value);
  return { ...stacked, outputWeight };
}
