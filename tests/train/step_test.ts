import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { Placement } from "../../lib/adapter/placement.ts";
import { WasmBackend } from "../../lib/compute/wasm/backend.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { AdamW, clipGradients } from "../../lib/train/optimizer.ts";
import { GradientComputer, type StepSettings } from "../../lib/train/step.ts";
import { assertClose } from "../_close.ts";
import { makeWorkspace } from "../_workspace.ts";
import { randomEncodings } from "../runtime/_encoder.ts";
import { checkPytorch, openExpected, openParts, PLAIN, readMiniRows } from "./_parts.ts";
import { checkSlopes, type SlopeOptions } from "./_slopes.ts";

const FIXTURES = fromFileUrl(new URL("../../fixtures/", import.meta.url));
const MINI = `${FIXTURES}mini/`;

/** What {@linkcode checkGradients} is to check. */
interface GradientCheck extends SlopeOptions {
  readonly settings?: Partial<StepSettings>;
  readonly scores?: boolean;
  readonly placement?: Placement;
}

/** Compares the gradients of three small batches with finite differences. */
async function checkGradients(
  base: string,
  adapterFolder: string,
  { settings, scores = false, placement, ...slopes }: GradientCheck = {},
): Promise<void> {
  // Room for 12 tokens: the rows of a step take three batches.
  const backend = new ReferenceBackend({ maxTokens: 12 });
  const { parts, adapter } = await openParts(backend, base, adapterFolder, placement);
  const computer = new GradientComputer(parts, adapter, { ...PLAIN, ...settings });
  const encodings = randomEncodings([5, 1, 8, 3, 9], 30);
  const targets = scores
    ? Float64Array.from(encodings, (_, i) => i - 1.5)
    : Uint32Array.from(encodings, (_, i) => i % adapter.numLabels);
  const rows = { encodings, targets };
  await checkSlopes(adapter.parameters, () => computer.run(rows, 1), slopes);
  backend.destroy();
}

for (const name of ["albert", "bert", "electra", "roberta", "xlm-roberta"]) {
  const folder = `${FIXTURES}architectures/${name}`;
  Deno.test(`GradientComputer follows the loss of ${name}`, () =>
    checkGradients(folder, `${folder}/adapter`));
}

Deno.test("GradientComputer follows the loss of albert, one head for all its layers", () => {
  const folder = `${FIXTURES}architectures/albert`;
  const settings = { recipe: "mergeable", seed: 2 } as const;
  return checkGradients(folder, `${folder}/adapter`, { settings });
});

Deno.test("GradientComputer follows the loss of albert beside its layers, which drops", () => {
  const folder = `${FIXTURES}architectures/albert`;
  const settings = { attentionDropout: 0.2 } as const;
  return checkGradients(folder, `${folder}/adapter`, { settings, placement: "parallel_layer" });
});

Deno.test("GradientComputer follows the loss of distilbert, whose relu has a kink", () => {
  const folder = `${FIXTURES}architectures/distilbert`;
  return checkGradients(folder, `${folder}/adapter`, { reach: 5e-4, tolerance: 3e-4 });
});

const CASES: readonly (GradientCheck & { name: string; adapter: object; step?: number })[] = [
  { name: "wide heads and dropout", adapter: { headDim: 3 }, settings: { dropout: 0.3 } },
  {
    name: "heads that are averaged and smoothed labels",
    adapter: { combine: "mean", numHeads: [2, 3] },
    settings: { labelSmoothing: 0.2 },
  },
  {
    name: "one head for all, compared by divergence",
    adapter: { headDim: 2, numHeads: 3 },
    settings: { recipe: "mergeable", consistencyWeight: 0.7, dropout: 0.2, seed: 2 },
  },
  {
    name: "one head for all, drawn twice",
    adapter: { numHeads: 3 },
    settings: { recipe: "mergeable", dropout: 0.2, seed: 4 },
  },
  {
    name: "one head for all, compared by squares",
    adapter: { combine: "mean" },
    settings: { recipe: "mergeable", consistency: "mse" },
  },
  {
    name: "scores, one head for all",
    adapter: { labels: null },
    settings: { recipe: "mergeable", dropout: 0.1 },
    scores: true,
  },
  { name: "scores", adapter: { labels: null }, scores: true },
  {
    name: "attention that drops",
    adapter: { numHeads: [2, 3], headDim: 2 },
    settings: { attentionDropout: 0.3 },
  },
  {
    name: "one head for all, drawn twice, whose attention drops",
    adapter: { numHeads: 3, config: { placement: "parallel_layer" } },
    settings: { recipe: "mergeable", attentionDropout: 0.3, seed: 4 },
  },
  ...(["parallel_feed_forward", "parallel_attention", "parallel_layer"] as const).map(
    (placement) => ({ name: placement, adapter: { config: { placement } } }),
  ),
];

for (const { name, adapter, ...check } of CASES) {
  Deno.test(`GradientComputer follows the loss of ${name}`, async () => {
    await using workspace = await makeWorkspace({ hidden: 12, heads: 3, intermediate: 20 }, {
      hidden: 12,
      ...adapter,
    });
    await checkGradients(workspace.base, workspace.adapter, check);
  });
}

Deno.test("GradientComputer gives PyTorch's gradients, and AdamW its step", async () => {
  const { tensors } = await openExpected();
  const backend = new ReferenceBackend();
  const adapter = await checkPytorch(backend, "plain", 1e-5);
  clipGradients(adapter.parameters.map(({ gradient }) => gradient), 1);
  new AdamW(adapter.parameters).step({ learningRate: 1e-3, weightDecay: 0.01 });
  for (const { name, values } of adapter.parameters) {
    if (name.endsWith("key.bias")) continue; // its gradient is rounding, which a first step enlarges
    const want = tensors.get(`plain.after.${name}`)!;
    assertClose(values, want, { atol: 1e-6, rtol: 1e-6 }, `${name} after a step`);
  }
  backend.destroy();
});

Deno.test("GradientComputer gives PyTorch's gradients where one head stands for all", async () => {
  const backend = new ReferenceBackend();
  await checkPytorch(backend, "mergeable", 1e-5);
  backend.destroy();
});

Deno.test("GradientComputer gives the same bits on WebAssembly for any number of threads", async () => {
  for (const recipe of ["plain", "mergeable"] as const) {
    const runs = [];
    for (const threads of [1, 2]) {
      const backend = new WasmBackend({ threads });
      const { parameters } = await checkPytorch(backend, recipe, 2e-5);
      runs.push(parameters.map(({ gradient }) => gradient));
      backend.destroy();
    }
    assertEquals(runs[0], runs[1]);
  }
});

Deno.test("GradientComputer gives the same gradients however rows are dealt to batches", async () => {
  const runs = [];
  for (const maxTokens of [64, 1024]) {
    const backend = new ReferenceBackend({ maxTokens });
    const { parts, adapter } = await openParts(backend, `${MINI}encoder`, `${MINI}adapter`);
    const computer = new GradientComputer(parts, adapter, {
      ...PLAIN,
      dropout: 0.1,
      attentionDropout: 0.2,
    });
    assert(computer.bytesPerToken > 0);
    await computer.run(await readMiniRows(6), 0);
    runs.push(adapter.parameters.map(({ gradient }) => gradient.slice()));
    backend.destroy();
  }
  const [small, large] = runs as [Float64Array[], Float64Array[]];
  for (const [i, gradient] of small.entries()) {
    const size = Math.hypot(...gradient);
    assertClose(gradient, large[i]!, { atol: 1e-6 * size + 1e-9, rtol: 0 });
  }
});
