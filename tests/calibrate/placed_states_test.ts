import { type Placement, PLACEMENT_NAMES } from "../../lib/adapter/placement.ts";
import { attendHeads, standardise, updateOf } from "../../lib/calibrate/heads_on_text.ts";
import { calibrateMerge } from "../../lib/calibrate/merge.ts";
import { measureMerge } from "../../lib/calibrate/measure.ts";
import { PlacedStates } from "../../lib/calibrate/placed_states.ts";
import { TextRun } from "../../lib/calibrate/text_run.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { packBatches } from "../../lib/runtime/batch.ts";
import { Encoder } from "../../lib/runtime/encoder.ts";
import { placeLinear } from "../../lib/runtime/load.ts";
import { placeModule } from "../../lib/runtime/place.ts";
import { assertClose } from "../_close.ts";
import { HIDDEN, LENGTHS, modulesFor, withText } from "./_text.ts";

const TOLERANCE = { atol: 2e-5, rtol: 2e-5 };

/** What each layer of the encoder gives with the modules in their place. */
async function layerOutputs(
  { backend, weights, encodings }: Parameters<Parameters<typeof withText>[0]>[0],
  modules: ReturnType<typeof modulesFor>,
  placement: Placement,
): Promise<Float32Array[]> {
  const encoder = new Encoder(backend, weights, [{
    modules: modules.map((module, i) => placeModule(module, backend, `module ${i}`)),
    layerNormEps: modules[0]!.layerNormEps,
    placement,
    classifier: placeLinear(backend, "c", new Float32Array(HIDDEN), new Float32Array(1)),
    numLabels: 1,
  }]);
  const [batch] = packBatches(encodings, { maxTokens: 256, maxSequences: 99 });
  const outputs: Float32Array[] = [];
  await encoder.record(batch!, async (stage, value) => {
    if (stage.endsWith("output")) outputs.push((await backend.read([value]))[0]!);
  });
  return outputs;
}

for (const placement of PLACEMENT_NAMES) {
  Deno.test(`PlacedStates goes through the layers as the encoder does: ${placement}`, async () => {
    await withText(async (text) => {
      const modules = modulesFor(2, { numHeads: 3 });
      const want = await layerOutputs(text, modules, placement);
      using run = new TextRun(text);
      const placed = new PlacedStates(run, placement, await run.embed());
      for (const [layer, module] of modules.entries()) {
        const folded = foldLayer(module);
        await placed.attend(layer);
        for (const chunk of run.chunks) {
          const rows = run.rows(placed.inputs, chunk);
          const normed = standardise(rows, HIDDEN, folded.layerNormEps);
          placed.add(chunk, updateOf(folded, attendHeads(folded, normed, chunk.batch.starts)));
        }
        await placed.finish(layer);
        assertClose(placed.states, want[layer]!, TOLERANCE, `layer ${layer}`);
      }
    }, { maxTokens: 256, lengths: LENGTHS.slice(0, 6) });
  });
}

Deno.test("calibrateMerge() keeps equal heads' outputs in every place, measureMerge() says so", async () => {
  await withText(async (text) => {
    for (const placement of PLACEMENT_NAMES) {
      const one = modulesFor(2, { numHeads: 1 });
      // Three heads that are one: a fit to one loses nothing.
      const before = one.map((module) => ({
        ...module,
        numHeads: 3,
        ...Object.fromEntries(
          ([
            "queryWeight",
            "queryBias",
            "keyWeight",
            "keyBias",
            "valueWeight",
            "valueBias",
          ] as const)
            .map((name) => [name, thrice(module[name])]),
        ),
        outputWeight: module.outputWeight.reduce(
          (all, value, row) => all.fill(value / 3, 3 * row, 3 * row + 3),
          new Float64Array(3 * HIDDEN),
        ),
      }));
      const options = { method: "distil", placement } as const;
      const { modules } = await calibrateMerge(text, before, options);
      const measured = await measureMerge(text, before, modules, placement);
      for (const { layer, relativeErrorOwnInputs: error } of measured) {
        assertClose([error], [0], { atol: 1e-3, rtol: 0 }, `${placement}, layer ${layer}`);
      }
    }
  }, { lengths: [...LENGTHS, ...LENGTHS] });
});

function thrice(values: Float64Array): Float64Array {
  return Float64Array.of(...values, ...values, ...values);
}
