// The definition of `attentionBackward` against differences of `attention`.

import { attention } from "../../../lib/compute/ops/attention/reference.ts";
import { attentionBackward } from "../../../lib/compute/ops/attention_backward/reference.ts";
import { assertClose } from "../../_close.ts";
import { noise } from "../../_noise.ts";
import { DIFFERENCE_TOLERANCE, gradientByDifferences } from "../_differences.ts";

const CASES = [
  { lengths: [1], numHeads: 1, headDim: 1 },
  { lengths: [37], numHeads: 1, headDim: 1 },
  { lengths: [1, 5, 2], numHeads: 3, headDim: 1 },
  { lengths: [4, 3], numHeads: 2, headDim: 2 },
  { lengths: [7], numHeads: 1, headDim: 3 },
  { lengths: [2, 1, 3], numHeads: 3, headDim: 5 },
  { lengths: [6], numHeads: 2, headDim: 4 },
];

for (const { lengths, numHeads, headDim } of CASES) {
  const what = `sequences of ${lengths.join(", ")} tokens, ${numHeads} heads of ${headDim}`;
  Deno.test(`attentionBackward() is the derivative for ${what}`, () => {
    const starts = Uint32Array.from([0, ...lengths]).map((_, b) =>
      lengths.slice(0, b).reduce((sum, length) => sum + length, 0)
    );
    const [tokens, hidden] = [starts.at(-1)!, numHeads * headDim];
    const qkv = Float64Array.from(noise(tokens * 3 * hidden, { seed: 1 }));
    const dy = Float64Array.from(noise(tokens * hidden, { seed: 2 }));
    const shape = { numHeads, headDim };
    const want = gradientByDifferences((qkv) => attention(qkv, starts, shape), qkv, dy);
    assertClose(attentionBackward(qkv, dy, starts, shape), want, DIFFERENCE_TOLERANCE);
  });
}

Deno.test("attentionBackward() gives the values of equal weights equal gradients", () => {
  // Queries 0: each of two tokens attends to both by a half. The scores' gradient of token t is
  // ±(dy[t] / 2) (v0 - v1) / 2, which meets keys 1 and 3.
  const qkv = Float64Array.of(0, 1, 10, 0, 3, 4);
  const starts = Uint32Array.of(0, 2);
  const dqkv = attentionBackward(qkv, Float64Array.of(2, 8), starts, { numHeads: 1, headDim: 1 });
  // dy[0] = 2: S = ±2 * 6 / 4 = (3, -3), dq = 3 * 1 - 3 * 3 = -6; four times that for token 1.
  assertClose(dqkv, [-6, 0, 5, -24, 0, 5], { atol: 1e-14, rtol: 1e-14 });
});

Deno.test("attentionBackward() does not overflow", () => {
  // Scores of 1e6: token 0 attends to itself alone.
  const qkv = Float64Array.of(1000, 1000, 1, 1000, 0, 2);
  const starts = Uint32Array.of(0, 2);
  const dqkv = attentionBackward(qkv, Float64Array.of(1, 1), starts, { numHeads: 1, headDim: 1 });
  assertClose(dqkv, [0, 0, 2, 0, 0, 0], { atol: 1e-12, rtol: 0 });
});
