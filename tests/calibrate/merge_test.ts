import { assert, assertEquals, assertRejects } from "@std/assert";
import { type CalibratedOptions, calibrateMerge } from "../../lib/calibrate/merge.ts";
import { measureMerge } from "../../lib/calibrate/measure.ts";
import { InterruptedError, TinygraftError } from "../../lib/errors.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { LAYER_ARRAYS, type LayerModule } from "../../lib/merge/layer.ts";
import { mergeLayer } from "../../lib/merge/methods.ts";
import { assertClose } from "../_close.ts";
import { gaugedHeads } from "../merge/_modules.ts";
import { modulesFor, withText } from "./_text.ts";

/** Enough text for 16 dimensions. */
const LONG = { lengths: Array.from({ length: 60 }, (_, i) => 3 + (7 * i) % 12), maxTokens: 256 };

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

for (const combine of ["sum", "mean"] as const) {
  for (const headDim of [1, 2]) {
    Deno.test(`calibrateMerge() merges equal heads of width ${headDim} without loss in ${combine}`, async () => {
      await withText(async (text) => {
        const before = modulesFor(2, { numHeads: 1, headDim, combine })
          .map((module, layer) => gaugedHeads(foldLayer(module), 4, layer + 1));
        for (const method of ["product", "distil"] as const) {
          for (const heads of [1, 2]) {
            const { modules } = await calibrateMerge(text, before, { method, heads });
            assertEquals(modules.map(({ numHeads }) => numHeads), [heads, heads]);
            assertEquals(modules.map((module) => module.combine), [combine, combine]);
            for (const { relativeErrorOwnInputs } of await measureMerge(text, before, modules)) {
              assert(
                relativeErrorOwnInputs < 1e-5,
                `${method} ${heads}: ${relativeErrorOwnInputs}`,
              );
            }
          }
        }
      });
    });
  }
}

for (const heads of [1, 2, 3]) {
  Deno.test(`calibrateMerge() fits ${heads} heads better than their product does`, async () => {
    await withText(async (text) => {
      const before = modulesFor(3);
      const errors = async (modules: readonly LayerModule[]) =>
        sum(
          (await measureMerge(text, before, modules)).map((layer) => layer.relativeErrorOwnInputs),
        );
      const plain = before.map((module) => mergeLayer(module, { method: "product", heads }).module);
      const onText = await calibrateMerge(text, before, { method: "product", heads });
      const fitted = await calibrateMerge(text, before, { method: "distil", heads });
      const [ofPlain, ofText, ofFit] = [
        await errors(plain),
        await errors(onText.modules),
        await errors(fitted.modules),
      ];
      assert(ofFit < 0.95 * Math.min(ofPlain, ofText), `${ofFit}, ${ofText}, ${ofPlain}`);
      for (const { layer, residual } of fitted.layers) {
        assert(residual! > 0 && residual! < 1, `layer ${layer}: ${residual}`);
      }
      assertEquals(onText.layers, [{ layer: 0 }, { layer: 1 }, { layer: 2 }]);
    }, { layers: 3, ...LONG });
  });
}

Deno.test("calibrateMerge() gives the average and the aligned average of all heads as without text", async () => {
  await withText(async (text) => {
    const before = modulesFor(2);
    for (const method of ["average", "aligned"] as const) {
      const { groups, modules } = await calibrateMerge(text, before, { method });
      assertEquals(groups, [[[0, 1, 2, 3]], [[0, 1, 2, 3]]]);
      assertEquals(modules, before.map((module) => mergeLayer(module, { method }).module));
      const two = await calibrateMerge(text, before, { method, heads: 2 });
      assert(two.groups.every((group) => group.length === 2));
    }
  });
});

Deno.test("calibrateMerge() keeps the heads of layers that have no more than are wanted", async () => {
  await withText(async (text) => {
    const before = [modulesFor(1, { numHeads: 1 })[0]!, modulesFor(1, { numHeads: 3 }, 2)[0]!];
    const { groups, layers, modules } = await calibrateMerge(text, before, {
      method: "distil",
      heads: 2,
    });
    assertEquals(modules.map(({ numHeads }) => numHeads), [1, 2]);
    assertEquals([groups[0], layers[0]!.residual], [[[0]], 0]);
    const [first] = await measureMerge(text, before, modules);
    assert(first!.relativeError < 1e-12);
  });
});

Deno.test("calibrateMerge() keeps the sums of layers that add nothing yet", async () => {
  await withText(async (text) => {
    const before = modulesFor(2).map((module) => ({
      ...module,
      outputWeight: new Float64Array(module.outputWeight.length),
    }));
    for (const method of ["product", "distil"] as const) {
      const { modules } = await calibrateMerge(text, before, { method });
      for (const [layer, module] of modules.entries()) {
        assertClose(module.outputWeight, new Float64Array(16), { atol: 1e-6, rtol: 0 });
        assertClose(module.outputBias, before[layer]!.outputBias, { atol: 1e-6, rtol: 0 });
        assert(LAYER_ARRAYS.every((array) => module[array].every(Number.isFinite)));
      }
    }
  });
});

Deno.test("calibrateMerge() gives the same bits each time, in folded modules", async () => {
  await withText(async (text) => {
    const before = modulesFor(2);
    const options: CalibratedOptions = { method: "distil", heads: 2 };
    const first = await calibrateMerge(text, before, options);
    assertEquals(await calibrateMerge(text, before, options), first);
    for (const module of first.modules) {
      assert(module.normWeight.every((value) => value === 1));
      for (const array of ["normBias", "keyBias", "valueBias"] as const) {
        assert(module[array].every((value) => value === 0), array);
      }
    }
  });
});

Deno.test("calibrateMerge() stops when the signal is aborted, and refuses NaN", async () => {
  await withText(async (text) => {
    const before = modulesFor(2);
    const controller = new AbortController();
    const run = { ...text, signal: controller.signal, onProgress: () => controller.abort() };
    await assertRejects(() => calibrateMerge(run, before, { method: "distil" }), InterruptedError);
    const stray = before.map((module) => ({
      ...module,
      outputBias: module.outputBias.map(() => NaN),
    }));
    const error = await assertRejects(
      () => calibrateMerge(text, stray, { method: "product" }),
      TinygraftError,
    );
    assertEquals(error.code, "non-finite");
  });
});
