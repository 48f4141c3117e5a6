// The gradients of a step on WebGPU against PyTorch's.

import { openBackend } from "../../lib/compute/open.ts";
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
