// Our gradients are those of PyTorch's autograd, in f64 on both sides.

import { slopes } from "../../lib/compute/ops/activation/reference.ts";
import { dropoutRow } from "../../lib/compute/ops/attention/dropout_reference.ts";
import { attention } from "../../lib/compute/ops/attention/reference.ts";
import { attentionBackward } from "../../lib/compute/ops/attention_backward/reference.ts";
import { layerNormBackward } from "../../lib/compute/ops/layer_norm_backward/reference.ts";
import { layerNormGradient } from "../../lib/compute/ops/layer_norm_gradient/reference.ts";
import { linear } from "../../lib/compute/ops/linear/reference.ts";
import { linearGradient } from "../../lib/compute/ops/linear_gradient/reference.ts";
import { multiply } from "../../lib/compute/ops/multiply/reference.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { askPython } from "./_python.ts";

const TOLERANCE = { atol: 1e-12, rtol: 1e-11 };

/** What PyTorch makes of the jobs: gradients by job and name. */
async function askPyTorch(jobs: unknown): Promise<Record<string, Record<string, number[]>>> {
  return await askPython("autograd_peer.py", jobs) as Record<string, Record<string, number[]>>;
}

const random = (length: number, seed: number) => Float64Array.from(noise(length, { seed }));

const [rows, inner, cols, eps] = [37, 5, 7, 1e-5];
const layer = { x: random(rows * inner, 1), weight: random(cols * inner, 2), dy: random(259, 3) };
const norm = { x: random(rows * cols, 4), weight: random(cols, 5), dy: random(rows * cols, 6) };
const elements = { x: Float64Array.from(noise(100, { seed: 7, scale: 3 })), dy: random(100, 8) };
const lengths = [1, 37, 4, 2];
const [numHeads, headDim] = [3, 5];
const attend = { qkv: random(44 * 3 * 15, 9), dy: random(44 * 15, 10) };

const dropped = {
  keys: Float64Array.from(
    noise(4 * 44, { seed: 11, scale: 2 ** 20 }),
    (x) => Math.abs(x | 0) % 256,
  ),
  dropout: 0.4,
};
const starts = Uint32Array.of(0, 1, 38, 42, 44);
/** What dropout multiplies with: for each sequence by head, query and key. */
const masks = lengths.map((length, b) =>
  Array.from(
    { length: numHeads },
    (_, head) =>
      Array.from({ length }, (_, t) => [...dropoutRow(dropped, starts[b]! + t, head, length)]),
  )
);

Deno.test("every way back is PyTorch's", async () => {
  const want = await askPyTorch({
    linear: { ...layer, rows, inner, cols },
    "layer_norm": { ...norm, rows, cols, eps },
    activations: elements,
    attention: { ...attend, lengths, "num_heads": numHeads, "head_dim": headDim },
    "dropped_attention": { ...attend, lengths, "num_heads": numHeads, "head_dim": headDim, masks },
  });
  const close = (actual: Float64Array, job: string, name: string) =>
    assertClose(actual, want[job]![name]!, TOLERANCE, `${job} ${name}`);

  close(linearGradient(layer.x, layer.dy, { inner, cols }), "linear", "gradient");
  // The gradient with respect to x is a product with the transposed weight.
  const transposed = Float64Array.from(
    layer.weight,
    (_, i) => layer.weight[(i % cols) * inner + Math.floor(i / cols)]!,
  );
  const shape = { rows, inner: cols, cols: inner };
  const zeros = new Float64Array(inner);
  close(linear(layer.dy, transposed, zeros, shape, "none"), "linear", "dx");

  close(layerNormBackward(norm.x, undefined, norm.weight, eps, norm.dy), "layer_norm", "dx");
  close(layerNormGradient(norm.x, eps, norm.dy, cols), "layer_norm", "gradient");

  for (const name of ["gelu", "geluTanh", "relu", "tanh"] as const) {
    close(multiply(elements.dy, slopes(elements.x, name)), "activations", name);
  }

  close(
    attentionBackward(attend.qkv, attend.dy, starts, { numHeads, headDim }),
    "attention",
    "dqkv",
  );
  close(
    attentionBackward(attend.qkv, attend.dy, starts, { numHeads, headDim }, dropped),
    "dropped_attention",
    "dqkv",
  );
  const y = attention(attend.qkv, starts, { numHeads, headDim }, { dropout: dropped });
  close(y, "dropped_attention", "y");
});
