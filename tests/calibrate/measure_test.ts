import { assert, assertEquals, assertRejects } from "@std/assert";
import type { LayerModule } from "../../lib/merge/layer.ts";
import { measureMerge } from "../../lib/calibrate/measure.ts";
import type { CalibrationText } from "../../lib/calibrate/text_run.ts";
import { InterruptedError, TinygraftError } from "../../lib/errors.ts";
import { headSimilarity, relativeError } from "../../lib/merge/compare.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { mergeLayer } from "../../lib/merge/methods.ts";
import { packBatches } from "../../lib/runtime/batch.ts";
import { Encoder } from "../../lib/runtime/encoder.ts";
import { placeLinear } from "../../lib/runtime/load.ts";
import { placeModule } from "../../lib/runtime/place.ts";
import { assertClose } from "../_close.ts";
import { HIDDEN, LENGTHS, modulesFor, withText } from "./_text.ts";

/** What each layer's module reads, by the encoder's own forward pass, in one batch. */
async function moduleInputs(
  { backend, weights, encodings }: CalibrationText,
  modules: readonly LayerModule[],
): Promise<{ readonly values: Float64Array; readonly starts: Uint32Array }[]> {
  const classifier = placeLinear(backend, "c", new Float32Array(HIDDEN), new Float32Array(1));
  const encoder = new Encoder(backend, weights, [{
    modules: modules.map((module, layer) => placeModule(module, backend, `layer ${layer}`)),
    layerNormEps: 1e-5,
    placement: "after_attention",
    classifier,
    numLabels: 1,
  }]);
  const [batch] = packBatches(encodings, { maxTokens: 256, maxSequences: 99 });
  const inputs: { readonly values: Float64Array; readonly starts: Uint32Array }[] = [];
  await encoder.record(batch!, async (stage, value) => {
    if (!stage.endsWith(".attention")) return;
    const [values] = await backend.read([value]);
    inputs.push({ values: Float64Array.from(values!), starts: batch!.starts });
  });
  return inputs;
}

Deno.test("measureMerge() measures at the states of both models, whatever the batches", async () => {
  const before = modulesFor(3);
  const after = before.map((module) => mergeLayer(module, { method: "average" }).module);
  const small: unknown[] = [];
  for (const maxTokens of [32, 256]) {
    await withText(async (text) => {
      const measured = await measureMerge(text, before, after);
      assertEquals(measured.map(({ layer }) => layer), [0, 1, 2]);
      small.push(measured.map(({ relativeError }) => relativeError.toFixed(4)));
      if (maxTokens < 256) return;
      const [stacked, merged] = [await moduleInputs(text, before), await moduleInputs(text, after)];
      for (const [layer, found] of measured.entries()) {
        const original = before[layer]!;
        const want = relativeError(after[layer]!, original, stacked[layer]!);
        assertClose([found.relativeError], [want], { atol: 1e-4, rtol: 0 }, "relative error");
        const similarity = headSimilarity(original, stacked[layer]!).flat();
        const tolerance = { atol: 1e-4, rtol: 0 };
        assertClose(found.outputSimilarity.flat(), similarity, tolerance, "similarity");
        // The definition: each module at its own model's states, without the constant part.
        const constant = foldLayer(original).outputBias;
        const [h, own] = [
          layerUpdate(original, stacked[layer]!),
          layerUpdate(after[layer]!, merged[layer]!),
        ].map((update) => update.map((value, i) => value - constant[i % HIDDEN]!));
        const norm = (values: Float64Array) => Math.hypot(...values);
        const ratio = norm(h!.map((value, i) => value - own![i]!)) / norm(h!);
        assertClose([found.relativeErrorOwnInputs], [ratio], tolerance, "own inputs");
      }
    }, { layers: 3, maxTokens });
  }
  assertEquals(small[0], small[1]);
});

Deno.test("measureMerge() finds no error where nothing changed", async () => {
  await withText(async (text) => {
    const before = modulesFor(2, { headDim: 2, numHeads: 2, combine: "mean" });
    for (const layer of await measureMerge(text, before, before)) {
      assertEquals([layer.relativeError, layer.relativeErrorOwnInputs], [0, 0]);
    }
    const folded = before.map(foldLayer);
    for (const layer of await measureMerge(text, before, folded)) {
      assert(layer.relativeError < 1e-12 && layer.relativeErrorOwnInputs < 1e-5);
    }
  });
});

Deno.test("measureMerge() tells progress, in texts that went through all layers", async () => {
  await withText(async (text) => {
    const seen: number[][] = [];
    const onProgress = (done: number, total: number) => seen.push([done, total]);
    const before = modulesFor(2);
    await measureMerge({ ...text, onProgress }, before, before);
    assertEquals(seen.at(-1), [LENGTHS.length, LENGTHS.length]);
    assertEquals(seen.map(([done]) => done), seen.map(([done]) => done).sort((a, b) => a! - b!));
  });
});

Deno.test("measureMerge() stops when the signal is aborted", async () => {
  await withText(async (text) => {
    const controller = new AbortController();
    const run = { ...text, signal: controller.signal, onProgress: () => controller.abort() };
    const before = modulesFor(2);
    await assertRejects(() => measureMerge(run, before, before), InterruptedError);
  });
});

Deno.test("measureMerge() refuses no text, states of NaN and modules that are not one a layer", async () => {
  await withText(async (text) => {
    const before = modulesFor(2);
    const empty = await assertRejects(
      () => measureMerge({ ...text, encodings: [] }, before, before),
      TinygraftError,
    );
    assertEquals(empty.code, "empty-data");
    const [first, ...rest] = before;
    const stray = [{ ...first!, outputBias: first!.outputBias.map(() => NaN) }, ...rest];
    const error = await assertRejects(() => measureMerge(text, stray, before), TinygraftError);
    assertEquals(error.code, "non-finite");
    await assertRejects(() => measureMerge(text, before.slice(1), before), RangeError, "1 modules");
    // The workspace was given back each time: the backend still runs.
    assertEquals((await measureMerge(text, before, before)).length, 2);
  });
});
