import { assertEquals } from "@std/assert";
import {
  addUpdate,
  attendHeads,
  attentionMaps,
  projectHeads,
  standardise,
  updateOf,
} from "../../lib/calibrate/heads_on_text.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { headOutputs, layerUpdate } from "../../lib/merge/forward.ts";
import { assertClose } from "../_close.ts";
import { describeSizes, raggedInputs, randomModule, SIZES } from "../merge/_modules.ts";

const CLOSE = { atol: 1e-10, rtol: 1e-10 };

for (const sizes of SIZES) {
  Deno.test(`attendHeads() and updateOf() give what the module gives: ${describeSizes(sizes)}`, () => {
    const folded = foldLayer(randomModule(sizes, 3));
    const { starts, values } = raggedInputs(sizes.hiddenSize, 4);
    const states = Float32Array.from(values);
    const inputs = { starts, values: Float64Array.from(states) };
    const normed = standardise(states, sizes.hiddenSize, folded.layerNormEps);
    const outputs = attendHeads(folded, normed, starts);
    assertClose(outputs, headOutputs(folded, inputs), CLOSE, "outputs");
    const update = updateOf(folded, outputs);
    assertClose(update, layerUpdate(folded, inputs), CLOSE, "update");
    const sums = states.map((value, i) => Math.fround(value + update[i]!));
    addUpdate(states, update);
    assertEquals(states, sums);
  });
}

Deno.test("attentionMaps() gives rows of sum 1 for each sequence and head", () => {
  const folded = foldLayer(randomModule(SIZES[1]!, 3));
  const { starts, values } = raggedInputs(24, 4);
  const normed = standardise(Float32Array.from(values), 24, 1e-5);
  const seen: number[] = [];
  attentionMaps(folded, projectHeads(folded, normed), starts, (begin, end, maps) => {
    seen.push(begin, end, maps.length);
    for (const map of maps) {
      for (let row = 0; row < end - begin; row++) {
        const part = map.subarray(row * (end - begin), (row + 1) * (end - begin));
        assertClose([part.reduce((sum, weight) => sum + weight, 0)], [1], CLOSE);
      }
    }
  });
  assertEquals(seen, [0, 1, 3, 1, 6, 3, 6, 9, 3]);
});
