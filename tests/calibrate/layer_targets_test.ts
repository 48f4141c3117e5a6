import { assertEquals } from "@std/assert";
import { layerTargets } from "../../lib/calibrate/layer_targets.ts";
import { TextRun } from "../../lib/calibrate/text_run.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { HIDDEN, modulesFor, withText } from "./_text.ts";

Deno.test("layerTargets() gives what the heads add, and the mean of that and of what is missing", async () => {
  await withText(async (text) => {
    using run = new TextRun(text);
    for (const combine of ["sum", "mean"] as const) {
      const folded = foldLayer(modulesFor(1, { combine, numHeads: 3, headDim: 2 })[0]!);
      const states = await run.embed();
      // What the update is added to is not what the module reads, in some places of the layer.
      const base = noise(states.length, { seed: 7 });
      const wanted = noise(states.length, { seed: 8 });
      const { matching, correcting } = layerTargets(run, folded, wanted, {
        inputs: states,
        states: base,
      });
      const inputs = { values: Float64Array.from(states), starts: run.starts };
      const update = layerUpdate(folded, inputs);
      const found = new Float64Array(HIDDEN);
      assertEquals([matching.columns, correcting.columns], [6, HIDDEN]);
      const coordinates = new Float64Array(6);
      for (let token = 0; token < run.tokens; token++) {
        const row = update.subarray(token * HIDDEN, (token + 1) * HIDDEN);
        correcting.read(token, found);
        const want = row.map((value, i) => {
          const at = token * HIDDEN + i;
          return (value + wanted[at]! - base[at]!) / 2;
        });
        assertClose(found, want, { atol: 1e-9, rtol: 1e-9 }, "correcting");
        // Coordinates along orthonormal directions keep lengths.
        matching.read(token, coordinates);
        const without = row.map((value, i) => value - folded.outputBias[i]!);
        const length = Math.hypot(...without);
        assertClose([Math.hypot(...coordinates)], [length], { atol: 1e-9, rtol: 1e-9 }, "matching");
      }
    }
  });
});

Deno.test("layerTargets() has no columns where the heads give nothing", async () => {
  await withText(async (text) => {
    using run = new TextRun(text);
    const folded = foldLayer(modulesFor(1)[0]!);
    const states = await run.embed();
    const silent = { ...folded, outputWeight: new Float64Array(folded.outputWeight.length) };
    assertEquals(layerTargets(run, silent, states, { inputs: states, states }).matching.columns, 0);
  });
});
