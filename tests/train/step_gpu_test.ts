// The gradients of a step on WebGPU against PyTorch's and the reference's.

import { openBackend } from "../../lib/compute/open.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { GradientComputer } from "../../lib/train/step.ts";
import { assertClose } from "../_close.ts";
import { makeWorkspace } from "../_workspace.ts";
import { randomEncodings } from "../runtime/_encoder.ts";
import { openCloze } from "./_cloze.ts";
import { checkPytorch, openParts, PLAIN } from "./_parts.ts";

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

Deno.test("GradientComputer on WebGPU follows the reference beside layers, where attention drops", async () => {
  await using space = await makeWorkspace({ hidden: 12, heads: 3, intermediate: 20 }, {
    hidden: 12,
  });
  const settings = { ...PLAIN, dropout: 0.1, attentionDropout: 0.3 };
  const encodings = randomEncodings([5, 1, 8, 3, 9], 30);
  const rows = { encodings, targets: Uint32Array.from(encodings, (_, i) => i % 2) };
  const found = [];
  for (const device of ["webgpu", "reference"] as const) {
    const backend = await openBackend(device, { maxTokens: 64 });
    const { parts, adapter } = await openParts(
      backend,
      space.base,
      space.adapter,
      "parallel_layer",
    );
    const loss = await new GradientComputer(parts, adapter, settings).run(rows, 1);
    found.push({ loss, gradients: adapter.parameters.map(({ gradient }) => gradient) });
    backend.destroy();
  }
  const [gpu, reference] = found as [typeof found[0], typeof found[0]];
  assertClose([gpu.loss], [reference.loss], { atol: 0, rtol: 1e-5 });
  for (const [i, gradient] of gpu.gradients.entries()) {
    const want = reference.gradients[i]!;
    assertClose(gradient, want, { atol: 5e-5 * Math.hypot(...want) + 1e-6, rtol: 0 });
  }
});
