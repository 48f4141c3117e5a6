import { assertEquals } from "@std/assert";
import { tokenWeights } from "../../lib/calibrate/token_weights.ts";

const counted = (weights: Float64Array) => [...weights.keys()].filter((at) => weights[at] === 1);

Deno.test("tokenWeights() counts every token where a fit can use them all", () => {
  const run = { hiddenSize: 2, layers: 2, read: Uint32Array.of(0, 3), tokens: 5 };
  assertEquals(counted(tokenWeights(run, 0)), [0, 1, 2, 3, 4]);
  // Two rows are not four for each of three unknowns.
  assertEquals(counted(tokenWeights(run, 1)), [0, 1, 2, 3, 4]);
});

Deno.test("tokenWeights() counts of the last layer only what is read, where that is enough", () => {
  const read = Uint32Array.from({ length: 8 }, (_, i) => 3 * i + 1);
  const run = { hiddenSize: 1, layers: 2, read, tokens: 24 };
  assertEquals(counted(tokenWeights(run, 1)), [...read]);
  assertEquals(counted(tokenWeights(run, 0)).length, 24);
  assertEquals(counted(tokenWeights({ ...run, read: read.subarray(1) }, 1)).length, 24);
});

Deno.test("tokenWeights() leaves tokens out where there are many more than a fit can use", () => {
  const run = { hiddenSize: 1, layers: 2, read: Uint32Array.of(0), tokens: 3 * 2 * 64 + 1 };
  const weights = tokenWeights(run, 0);
  assertEquals(counted(weights), Array.from({ length: 129 }, (_, i) => 3 * i));
  assertEquals(weights.length, run.tokens);
});
