// Every architecture on WebGPU against PyTorch.

import { openBackend } from "../../lib/compute/open.ts";
import { checkArchitecture, NAMES } from "./_architectures.ts";

Deno.test("Encoder on WebGPU gives PyTorch's values for every architecture", async (test) => {
  const backend = await openBackend("webgpu", { maxTokens: 2048 });
  try {
    for (const name of NAMES) await test.step(name, () => checkArchitecture(name, backend));
  } finally {
    backend.destroy();
  }
});
