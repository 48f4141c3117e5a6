// One model under every spelling of its tensors' names gives the same numbers.

import { assert, assertEquals } from "@std/assert";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { classifyRows } from "../../lib/runtime/classify.ts";
import { runCaptured } from "../_io.ts";
import { FOLDER, NAMES } from "./_architectures.ts";
import { openEncoder, randomEncodings } from "./_encoder.ts";
import { rewrite } from "./_rewrite.ts";

const LENGTHS = [5, 1, 17, 3];

async function logitsOf(base: string, adapter: string): Promise<Float32Array> {
  const backend = new ReferenceBackend();
  try {
    const encoder = await openEncoder(backend, base, [{ location: adapter }]);
    const { variants } = await classifyRows(encoder, randomEncodings(LENGTHS, 300));
    return variants[0]!.logits;
  } finally {
    backend.destroy();
  }
}

/** What stands before the encoder's names in these checkpoints. */
const PREFIX = /^(albert|bert|distilbert|electra|roberta)\./;

for (const name of NAMES) {
  Deno.test(`${name} runs without prefix and heads, with gamma and beta, in F32`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
    try {
      const adapter = `${FOLDER}${name}/adapter`;
      await rewrite(name, folder, (tensor) => {
        if (!PREFIX.test(tensor)) return undefined;
        const isNorm = /norm\.(weight|bias)$/i.test(tensor);
        const spelled = tensor.replace(/weight$/, "gamma").replace(/bias$/, "beta");
        return (isNorm ? spelled : tensor).replace(PREFIX, "");
      });
      using model = await openModel(folder);
      assertEquals(model.model.prefix, "");
      assert([...model.model.names.values()].some((tensor) => tensor.endsWith("gamma")));
      assertEquals(
        await logitsOf(folder, adapter),
        await logitsOf(`${FOLDER}${name}`, adapter),
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

for (const name of NAMES) {
  Deno.test(`${name} carries its adapter after inject, and gives it back on extract`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
    try {
      const adapter = `${FOLDER}${name}/adapter`;
      const [base, carrier, back] = ["base", "carrier", "back"].map((at) => `${folder}/${at}`);
      await rewrite(name, base!, (tensor) => PREFIX.test(tensor) ? tensor : undefined);
      const injected = await runCaptured(["inject", base!, carrier!, "--adapter", adapter]);
      assertEquals(injected.code, 0, injected.err);
      assertEquals(await logitsOf(carrier!, carrier!), await logitsOf(base!, adapter));
      assertEquals((await runCaptured(["extract", carrier!, back!])).code, 0);
      const weights = "adapter_model.safetensors";
      assertEquals(
        await Deno.readFile(`${back}/${weights}`),
        await Deno.readFile(`${adapter}/${weights}`),
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
