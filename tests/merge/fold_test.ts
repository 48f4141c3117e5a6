import { assert, assertEquals } from "@std/assert";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { assertClose } from "../_close.ts";
import { describeSizes, raggedInputs, randomModule, SIZES } from "./_modules.ts";

for (const sizes of SIZES) {
  Deno.test(`foldLayer() leaves the update unchanged for ${describeSizes(sizes)}`, () => {
    const module = randomModule(sizes, 5);
    const inputs = raggedInputs(sizes.hiddenSize, 6);
    const want = layerUpdate(module, inputs);
    assertClose(layerUpdate(foldLayer(module), inputs), want, { atol: 1e-12, rtol: 1e-12 });
  });
}

Deno.test("foldLayer() leaves a plain norm and no key or value bias", () => {
  const folded = foldLayer(randomModule(SIZES[1]!, 7));
  assert(folded.normWeight.every((value) => value === 1));
  for (const bias of [folded.normBias, folded.keyBias, folded.valueBias]) {
    assert(bias.every((value) => value === 0));
  }
});

Deno.test("foldLayer() folds twice as it folds once", () => {
  const once = foldLayer(randomModule(SIZES[0]!, 8));
  assertEquals(foldLayer(once), once);
});

Deno.test("foldLayer() moves value biases into the output bias at the scale of the heads", () => {
  const sizes = { hiddenSize: 1, numHeads: 2, headDim: 1 };
  const module = {
    ...randomModule({ ...sizes, combine: "sum" }, 9),
    normBias: Float64Array.of(0.5),
    valueWeight: Float64Array.of(2, 4),
    valueBias: Float64Array.of(1, 3),
    outputWeight: Float64Array.of(10, 100),
    outputBias: Float64Array.of(7),
  };
  // Value biases become 1 + 2 * 0.5 and 3 + 4 * 0.5; 10 * 2 + 100 * 5 = 520.
  assertEquals(foldLayer(module).outputBias, Float64Array.of(527));
  assertEquals(foldLayer({ ...module, combine: "mean" }).outputBias, Float64Array.of(267));
});

Deno.test("foldLayer() leaves its argument unchanged", () => {
  const module = randomModule(SIZES[0]!, 10);
  const before = structuredClone(module);
  foldLayer(module);
  assertEquals(module, before);
});
