import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { WasmBackend } from "../../lib/compute/wasm/backend.ts";
import { classifierHead } from "../../lib/train/output_head.ts";
import { assertClose } from "../_close.ts";
import { openCloze } from "./_cloze.ts";
import { checkSlopes } from "./_slopes.ts";

for (
  const [name, settings] of [
    ["albert", {}],
    ["bert", { labelSmoothing: 0.2 }],
    ["roberta", { loss: "vocabulary" }],
    ["electra", { recipe: "mergeable", seed: 2 }],
    ["xlm-roberta", { recipe: "mergeable", consistency: "mse" }],
  ] as const
) {
  Deno.test(`frozenHead() passes ${name}'s gradients on to the adapter`, async () => {
    // Room for 12 tokens: the rows of a step take three batches.
    const backend = new ReferenceBackend({ maxTokens: 12 });
    const { adapter, run } = await openCloze(backend, name, settings);
    assert(adapter.parameters.every((parameter) => !parameter.name.startsWith("classifier")));
    await checkSlopes(adapter.parameters, run);
    backend.destroy();
  });
}

Deno.test("frozenHead() gives WebAssembly the reference's gradients, for any number of threads", async () => {
  const reference = new ReferenceBackend({ maxTokens: 64 });
  const wanted = await openCloze(reference, "roberta", { recipe: "mergeable" });
  const want = await wanted.run();
  const runs = [];
  for (const threads of [1, 2]) {
    const backend = new WasmBackend({ threads, maxTokens: 64 });
    const { adapter, run } = await openCloze(backend, "roberta", { recipe: "mergeable" });
    assertClose([await run()], [want], { atol: 0, rtol: 1e-5 });
    for (const [i, { name, gradient }] of adapter.parameters.entries()) {
      const exact = wanted.adapter.parameters[i]!.gradient;
      assertClose(gradient, exact, { atol: 1e-5, rtol: 1e-3 }, name);
    }
    runs.push(adapter.parameters.map(({ gradient }) => gradient));
    backend.destroy();
  }
  assertEquals(runs[0], runs[1]);
  reference.destroy();
});

Deno.test("classifierHead() refuses an adapter without a classifier", async () => {
  const backend = new ReferenceBackend({ maxTokens: 12 });
  const { adapter } = await openCloze(backend, "bert");
  assertThrows(() => classifierHead(backend, adapter), TypeError, "without one");
  backend.destroy();
});
