import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openAdapter } from "../../lib/adapter/open.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { WasmBackend } from "../../lib/compute/wasm/backend.ts";
import { InterruptedError, TinygraftError, UsageError } from "../../lib/errors.ts";
import { readArrays } from "../../lib/merge/merge_adapter.ts";
import { mergeLayer } from "../../lib/merge/methods.ts";
import { DISTIL_DEFAULTS, type DistilInput, distilModules } from "../../lib/train/distil.ts";
import { makeWorkspace } from "../_workspace.ts";
import { randomEncodings } from "../runtime/_encoder.ts";
import { openParts, readMiniRows } from "./_parts.ts";

const MINI = fromFileUrl(new URL("../../fixtures/mini/", import.meta.url));
const SIZES = { hidden: 16, heads: 2, intermediate: 24 };

/** A stacked adapter, and its heads' product to start from, with a few rows of noise. */
async function withInput(
  adapterOptions: object,
  heads: number,
  use: (input: DistilInput) => Promise<void>,
): Promise<void> {
  await using space = await makeWorkspace(SIZES, { hidden: 16, ...adapterOptions });
  const backend = new ReferenceBackend({ maxTokens: 64 });
  const { parts } = await openParts(backend, space.base, space.adapter);
  using adapter = await openAdapter(space.adapter);
  const stacked = await readArrays(adapter);
  const start = stacked.modules.map((module) =>
    mergeLayer(module, { method: "product", heads }).module
  );
  const encodings = randomEncodings([5, 1, 8, 3, 9, 4, 6], 30);
  await use({ parts, config: adapter.config, stacked, start, encodings });
  backend.destroy();
}

Deno.test("distilModules() brings heads closer to what they were merged from", async () => {
  for (
    const [options, heads] of [
      [{}, 1],
      [{ numHeads: [2, 3], headDim: 2, combine: "mean" }, 2],
      [{ labels: null, dtype: "BF16" }, 1],
    ] as const
  ) {
    await withInput(options, heads, async (input) => {
      const told: number[][] = [];
      const { modules, record } = await distilModules(input, {
        steps: 40,
        batch: 4,
        learningRate: 0.01,
        onProgress: (done, total) => told.push([done, total]),
      });
      assert(record.lossAfter < 0.7 * record.lossBefore, JSON.stringify(record));
      assertEquals([record.steps, record.rows, record.tokens], [40, 7, 36]);
      assertEquals([told.length, told.at(-1)], [40, [160, 160]]);
      assertEquals(
        modules.map(({ numHeads, headDim, combine }) => [numHeads, headDim, combine]),
        input.start.map(({ numHeads, headDim, combine }) => [numHeads, headDim, combine]),
      );
      // Folded, as every merge is.
      assert(modules.every(({ normWeight }) => normWeight.every((gain) => gain === 1)));
      assert(modules.every(({ valueBias }) => valueBias.every((bias) => bias === 0)));
    });
  }
});

Deno.test("distilModules() gives the same bits for a seed, whatever the threads", async () => {
  const runs = [];
  for (const [threads, seed] of [[1, 3], [2, 3], [1, 4]] as const) {
    const backend = new WasmBackend({ threads });
    const { parts } = await openParts(backend, `${MINI}encoder`, `${MINI}adapter`);
    using adapter = await openAdapter(`${MINI}adapter`);
    const stacked = await readArrays(adapter);
    const start = stacked.modules.map((module) =>
      mergeLayer(module, { method: "aligned", heads: 1 }).module
    );
    const { encodings } = await readMiniRows(8);
    const input = { parts, config: adapter.config, stacked, start, encodings };
    const { modules, record } = await distilModules(input, { steps: 3, batch: 4, seed });
    const { seconds: _seconds, ...rest } = record;
    runs.push([modules, rest]);
    backend.destroy();
  }
  assertEquals(runs[0], runs[1]);
  assert(JSON.stringify(runs[0]) !== JSON.stringify(runs[2]));
});

Deno.test("distilModules() stops where it is told to, and where it diverges", async () => {
  await withInput({}, 1, async (input) => {
    const stopping = new AbortController();
    const onProgress = (done: number) => done >= 8 && stopping.abort();
    const { signal } = stopping;
    await assertRejects(
      () => distilModules(input, { steps: 100, batch: 4, signal, onProgress }),
      InterruptedError,
    );
    const error = await assertRejects(
      () => distilModules(input, { steps: 20, batch: 4, learningRate: 1e38, clip: 0 }),
      TinygraftError,
      "expected finite numbers",
    );
    assertEquals(error.code, "diverged");
  });
});

Deno.test("distilModules() refuses settings that make no sense", async () => {
  await withInput({}, 1, async (input) => {
    const keys = Object.keys(DISTIL_DEFAULTS) as (keyof typeof DISTIL_DEFAULTS)[];
    for (const key of keys) {
      await assertRejects(() => distilModules(input, { steps: 1, [key]: -1 }), UsageError, key);
    }
    await assertRejects(() => distilModules(input, { steps: 0 }), UsageError, "steps is 0");
    const empty = { ...input, encodings: [] };
    await assertRejects(() => distilModules(empty, { steps: 1 }), UsageError, "no text");
  });
});
