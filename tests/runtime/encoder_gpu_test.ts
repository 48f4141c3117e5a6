// The forward pass on WebGPU against the f64 reference, stage by stage.

import { assertEquals } from "@std/assert";
import type { Backend } from "../../lib/compute/backend.ts";
import { openBackend } from "../../lib/compute/open.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { packBatches } from "../../lib/runtime/batch.ts";
import { classifyRows } from "../../lib/runtime/classify.ts";
import { assertClose } from "../_close.ts";
import { runCaptured } from "../_io.ts";
import { makeWorkspace, type Workspace } from "../_workspace.ts";
import { openEncoder, randomEncodings } from "./_encoder.ts";

const LENGTHS = [5, 1, 17, 3, 64, 2, 8];

/** f32 sums of up to 128 terms through two layers: some ten ULPs of values near 1. */
const TOLERANCE = { atol: 2e-5, rtol: 2e-5 };

async function stagesOf(backend: Backend, space: Workspace): Promise<Map<string, Float32Array>> {
  const encoder = await openEncoder(backend, space.base, [{ location: space.adapter }]);
  const limits = { maxTokens: 256, maxSequences: 16 };
  const [batch] = packBatches(randomEncodings(LENGTHS, 100), limits);
  const stages = new Map<string, Float32Array>();
  await encoder.record(batch!, async (stage, value) => {
    stages.set(stage, (await backend.read([value]))[0]!);
  });
  stages.set("logits", (await encoder.read())[0]!);
  return stages;
}

for (const hidden of [64, 100]) {
  Deno.test(`Encoder on WebGPU agrees with the reference at every stage, hidden size ${hidden}`, async () => {
    const heads = hidden === 64 ? 4 : 5;
    await using space = await makeWorkspace({ hidden, heads }, { hidden, numHeads: [4, 1] });
    const gpu = await openBackend("webgpu");
    const reference = new ReferenceBackend();
    try {
      const [actual, want] = [await stagesOf(gpu, space), await stagesOf(reference, space)];
      assertEquals([...actual.keys()], [...want.keys()]);
      for (const [stage, values] of want) assertClose(actual.get(stage)!, values, TOLERANCE, stage);
    } finally {
      gpu.destroy();
      reference.destroy();
    }
  });
}

Deno.test("Encoder on WebGPU gives the base's logits bit for bit under a fresh adapter", async () => {
  await using space = await makeWorkspace();
  const fresh = space.at("fresh");
  await runCaptured(["init", space.base, fresh, "--num-labels", "3", "--heads", "2"]);
  const backend = await openBackend("webgpu");
  try {
    const encoder = await openEncoder(backend, space.base, [
      { location: fresh },
      { location: fresh, classifierOnly: true },
    ]);
    const { variants } = await classifyRows(encoder, randomEncodings(LENGTHS, 100));
    assertEquals(variants[0], variants[1]);
  } finally {
    backend.destroy();
  }
});
