// The gradients of a step on WebGPU against PyTorch's.

import { openBackend } from "../../lib/compute/open.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { assertClose } from "../_close.ts";
import { openCloze } from "./_cloze.ts";
import { checkPytorch } from "./_parts.ts";

for (const recipe of ["plain", "mergeable"] as const) {
  Deno.test(`GradientComputer on WebGPU gives PyTorch's gradients for ${recipe}`, async () => {
    const backend = await openBackend("webgpu");
    try {
      await checkPytorch(backend, recipe, 5e-5);
    } finally {
      backend.destroy();
    }
  });
}

Deno.test("GradientComputer on WebGPU gives the reference's gradients below a frozen head", async () => {
  const reference = new ReferenceBackend({ maxTokens: 64 });
  const wanted = await openCloze(reference, "roberta");
  const want = await wanted.run();
  const backend = await openBackend("webgpu");
  try {
    const { adapter, run } = await openCloze(backend, "roberta");
    assertClose([await run()], [want], { atol: 0, rtol: 1e-5 });
    for (const [i, { name, gradient }] of adapter.parameters.entries()) {
      const exact = wanted.adapter.parameters[i]!.gradient;
      assertClose(gradient, exact, { atol: 1e-5, rtol: 1e-3 }, name);
    }
  } finally {
    backend.destroy();
    reference.destroy();
  }
});
