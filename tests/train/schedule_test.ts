import { assertAlmostEquals, assertEquals } from "@std/assert";
import { learningRateAt } from "../../lib/train/schedule.ts";

const rates = (schedule: "linear" | "cosine" | "constant", warmup: number, steps: number) =>
  Array.from(
    { length: steps },
    (_, step) => learningRateAt({ learningRate: 1, schedule, warmup, steps }, step),
  );

Deno.test("learningRateAt() falls in a straight line from the first step to one step before 0", () => {
  assertEquals(rates("linear", 0, 4), [1, 0.75, 0.5, 0.25]);
});

Deno.test("learningRateAt() rises by equal amounts over a share of the steps", () => {
  assertEquals(rates("linear", 0.5, 8), [0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25]);
  assertEquals(rates("constant", 0.5, 6), [1 / 3, 2 / 3, 1, 1, 1, 1]);
});

Deno.test("learningRateAt() takes a warm-up of 1 or more as a number of steps", () => {
  assertEquals(rates("constant", 3, 5), [1 / 3, 2 / 3, 1, 1, 1]);
});

Deno.test("learningRateAt() never rises to the end where the warm-up is longer than the run", () => {
  assertEquals(rates("linear", 8, 4), [1 / 8, 2 / 8, 3 / 8, 4 / 8]);
});

Deno.test("learningRateAt() falls along half a cosine", () => {
  const found = rates("cosine", 0, 4);
  const want = [1, (1 + Math.SQRT1_2) / 2, 0.5, (1 - Math.SQRT1_2) / 2];
  for (const [i, rate] of want.entries()) assertAlmostEquals(found[i]!, rate, 1e-12);
});
