import { assertEquals, assertThrows } from "@std/assert";
import { headOutputs, headScale, type LayerInputs, layerUpdate } from "../../lib/merge/forward.ts";
import type { LayerModule } from "../../lib/merge/layer.ts";
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

/** The tokens normalise to (1, -1) and (-1, 1); softmax weights are 3/4 and 1/4. */
const BY_HAND: LayerModule = {
  hiddenSize: 2,
  numHeads: 1,
  headDim: 1,
  combine: "sum",
  layerNormEps: 0,
  normWeight: Float64Array.of(1, 1),
  normBias: Float64Array.of(0, 0),
  queryWeight: Float64Array.of(1, 0),
  queryBias: Float64Array.of(0),
  keyWeight: Float64Array.of(Math.log(3) / 2, 0),
  keyBias: Float64Array.of(0),
  valueWeight: Float64Array.of(2, 0),
  valueBias: Float64Array.of(1),
  outputWeight: Float64Array.of(10, 5),
  outputBias: Float64Array.of(0.5, 0),
};
const TWO_TOKENS: LayerInputs = { values: Float64Array.of(3, 1, 1, 3), starts: [0, 2] };

Deno.test("headOutputs() and layerUpdate() match values worked by hand", () => {
  assertClose(headOutputs(BY_HAND, TWO_TOKENS), [2, 0], EXACT); // values 3 and -1
  assertClose(layerUpdate(BY_HAND, TWO_TOKENS), [20.5, 10, 0.5, 0], EXACT);
});

Deno.test("layerUpdate() adds the epsilon to the variance", () => {
  // Variance 1 + 3 halves the normalised tokens: one query and key row, so the value alone counts.
  const inputs = { values: Float64Array.of(3, 1), starts: [0, 1] };
  const found = layerUpdate({ ...BY_HAND, layerNormEps: 3 }, inputs);
  assertClose(found, [10 * (2 * 0.5 + 1) + 0.5, 5 * (2 * 0.5 + 1)], EXACT);
});

Deno.test("layerUpdate() adds up heads for 'sum' and averages them for 'mean', the bias once", () => {
  const twice = repeatHead(BY_HAND, 2);
  assertClose(layerUpdate(twice, TWO_TOKENS), [40.5, 20, 0.5, 0], EXACT);
  const mean = { ...twice, combine: "mean" as const };
  assertClose(layerUpdate(mean, TWO_TOKENS), [20.5, 10, 0.5, 0], EXACT);
  assertEquals([headScale(twice), headScale(mean)], [1, 0.5]);
});

/** The definition once more, one token of one head at a time. */
function plainUpdate(module: LayerModule, inputs: LayerInputs): number[] {
  const { hiddenSize: D, numHeads, headDim, layerNormEps } = module;
  const scale = module.combine === "sum" ? 1 : 1 / numHeads;
  const dot = (a: readonly number[], b: readonly number[]) =>
    a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  const normed = (row: number) => {
    const x = [...inputs.values.slice(row * D, (row + 1) * D)];
    const mean = x.reduce((a, b) => a + b) / D;
    const variance = x.reduce((a, b) => a + b * b, 0) / D - mean * mean;
    return x.map((value, i) =>
      module.normWeight[i]! * (value - mean) / Math.sqrt(variance + layerNormEps) +
      module.normBias[i]!
    );
  };
  const project = (u: number[], weight: Float64Array, bias: Float64Array, head: number) =>
    Array.from({ length: headDim }, (_, i) => {
      const row = head * headDim + i;
      return dot(u, [...weight.slice(row * D, (row + 1) * D)]) + bias[row]!;
    });
  const updates: number[] = [];
  for (let s = 0; s + 1 < inputs.starts.length; s++) {
    const rows = Array.from(
      { length: inputs.starts[s + 1]! - inputs.starts[s]! },
      (_, i) => normed(inputs.starts[s]! + i),
    );
    for (const u of rows) {
      const update = [...module.outputBias];
      for (let head = 0; head < numHeads; head++) {
        const q = project(u, module.queryWeight, module.queryBias, head);
        const exps = rows.map((other) =>
          Math.exp(
            dot(q, project(other, module.keyWeight, module.keyBias, head)) / Math.sqrt(headDim),
          )
        );
        const total = exps.reduce((a, b) => a + b);
        for (let i = 0; i < headDim; i++) {
          const z = rows.reduce(
            (sum, other, t) =>
              sum +
              exps[t]! / total * project(other, module.valueWeight, module.valueBias, head)[i]!,
            0,
          );
          const column = head * headDim + i;
          for (let row = 0; row < D; row++) {
            update[row]! += scale * z * module.outputWeight[row * numHeads * headDim + column]!;
          }
        }
      }
      updates.push(...update);
    }
  }
  return updates;
}

for (const sizes of SIZES) {
  Deno.test(`layerUpdate() matches the definition for ${describeSizes(sizes)}`, () => {
    const module = randomModule(sizes, 1);
    const inputs = raggedInputs(sizes.hiddenSize, 2);
    const want = plainUpdate(module, inputs);
    assertClose(layerUpdate(module, inputs), want, { atol: 1e-11, rtol: 1e-11 });
  });
}

Deno.test("layerUpdate() of heads together is the sum of one-head modules", () => {
  const module = { ...randomModule(SIZES[1]!, 3), outputBias: new Float64Array(24) };
  const inputs = raggedInputs(24, 4);
  const parts = [0, 1, 2].map((head) => layerUpdate(oneHead(module, head), inputs));
  const want = parts[0]!.map((value, i) => value + parts[1]![i]! + parts[2]![i]!);
  assertClose(layerUpdate(module, inputs), want, EXACT);
});

Deno.test("layerUpdate() stays finite for scores that overflow exp()", () => {
  const module = { ...BY_HAND, queryWeight: Float64Array.of(1e4, 0) };
  assertClose(layerUpdate(module, TWO_TOKENS), [30.5, 15, -9.5, -5], EXACT);
});

Deno.test("layerUpdate() refuses empty sequences and rows that no sequence covers", () => {
  const values = new Float64Array(4);
  for (const starts of [[], [0], [0, 1], [1, 2], [0, 0, 2], [0, 2, 1], [0, 3]]) {
    assertThrows(() => layerUpdate(BY_HAND, { values, starts }), RangeError, "sequences start at");
  }
});
