import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { WasmBackend } from "../../lib/compute/wasm/backend.ts";
import type { Backend } from "../../lib/compute/backend.ts";
import { placeModule } from "../../lib/runtime/place.ts";
import { DistilGradients } from "../../lib/train/distil_step.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { makeWorkspace } from "../_workspace.ts";
import { randomEncodings } from "../runtime/_encoder.ts";
import { openParts } from "./_parts.ts";
import { checkSlopes, type SlopeOptions } from "./_slopes.ts";

const ARCHITECTURES = fromFileUrl(new URL("../../fixtures/architectures/", import.meta.url));
const ROWS = randomEncodings([5, 1, 8, 3, 9], 30);

/** An adapter that stays, and one that was moved away from it by noise, ready to come back. */
async function openDistil(backend: Backend, base: string, folder: string, hiddenWeight: number) {
  const { parts, adapter: merged } = await openParts(backend, base, folder);
  const modules = merged.modules().map((module) => placeModule(module, backend, "stacked"));
  const stacked = { modules, layerNormEps: merged.config.layerNormEps };
  const trained = merged.parameters.filter(({ name }) => !name.startsWith("classifier."));
  for (const [seed, { values }] of trained.entries()) {
    const moves = noise(values.length, { seed, scale: 0.3 });
    for (let i = 0; i < values.length; i++) values[i]! += moves[i]!;
  }
  const adapters = { stacked, merged };
  const gradients = new DistilGradients(parts, adapters, hiddenWeight);
  return { gradients, trained, parts, adapters };
}

/** Compares gradients with finite differences; the rows take three batches. */
async function checkGradients(
  base: string,
  folder: string,
  { hiddenWeight, ...slopes }: SlopeOptions & { readonly hiddenWeight: number },
): Promise<void> {
  const backend = new ReferenceBackend({ maxTokens: 12 });
  const { gradients, trained } = await openDistil(backend, base, folder, hiddenWeight);
  await checkSlopes(trained, () => gradients.run(ROWS), slopes);
  backend.destroy();
}

for (const name of ["albert", "bert", "electra", "roberta"]) {
  const folder = `${ARCHITECTURES}${name}`;
  Deno.test(`DistilGradients follows the loss of ${name}`, () =>
    checkGradients(folder, `${folder}/adapter`, { hiddenWeight: 1, reach: 0.005 }));
}

for (
  const [name, adapter, hiddenWeight] of [
    ["outputs alone", { headDim: 2 }, 0],
    ["hidden states that count much", { combine: "mean", numHeads: [1, 3] }, 5],
    ["scores", { labels: null }, 0.5],
  ] as const
) {
  Deno.test(`DistilGradients follows the loss of ${name}`, async () => {
    await using space = await makeWorkspace({ hidden: 12, heads: 3, intermediate: 20 }, {
      hidden: 12,
      ...adapter,
    });
    await checkGradients(space.base, space.adapter, { hiddenWeight });
  });
}

Deno.test("DistilGradients finds no loss between an adapter and itself", async () => {
  await using space = await makeWorkspace({ hidden: 16, heads: 2 }, { hidden: 16 });
  const backend = new ReferenceBackend({ maxTokens: 64 });
  const { parts, adapter: merged } = await openParts(backend, space.base, space.adapter);
  const modules = merged.modules().map((module) => placeModule(module, backend, "stacked"));
  const stacked = { modules, layerNormEps: merged.config.layerNormEps };
  const loss = await new DistilGradients(parts, { stacked, merged }, 1).run(ROWS);
  assert(loss >= 0 && loss < 1e-12, `loss ${loss}`);
  const all = merged.parameters.flatMap(({ gradient }) => [...gradient]);
  assertClose(all, all.map(() => 0), { atol: 1e-5, rtol: 0 });
  backend.destroy();
});

Deno.test("DistilGradients gives WebAssembly the reference's gradients, and its room back", async () => {
  await using space = await makeWorkspace({ hidden: 16, heads: 2 }, { hidden: 16 });
  const reference = new ReferenceBackend({ maxTokens: 64 });
  const wanted = await openDistil(reference, space.base, space.adapter, 1);
  const wasm = new WasmBackend({ threads: 1, maxTokens: 64 });
  const found = await openDistil(wasm, space.base, space.adapter, 1);
  const losses = [await found.gradients.run(ROWS), await wanted.gradients.run(ROWS)] as const;
  assertClose([losses[0]], [losses[1]], { atol: 0, rtol: 1e-5 });
  for (const [i, { gradient, name }] of found.trained.entries()) {
    const want = wanted.trained[i]!.gradient;
    assertClose(gradient, want, { atol: 1e-5, rtol: 1e-3 }, name);
  }
  const { takenBytes } = wasm;
  const again = new DistilGradients(found.parts, found.adapters, 1);
  await again.run(ROWS);
  assert(wasm.takenBytes > takenBytes);
  again.free();
  assertEquals(wasm.takenBytes, takenBytes);
  reference.destroy();
  wasm.destroy();
});
