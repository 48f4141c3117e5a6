import { assertEquals } from "@std/assert";
import { TrainProgress } from "../../cli/train_progress.ts";
import type { StartEvent, StepEvent } from "../../lib/train/options.ts";
import { clockedProgress } from "./_progress.ts";

const START: StartEvent = {
  kind: "start",
  steps: 100,
  resumedFrom: 20,
  rows: 3200,
  tokens: 64_000,
  classes: [{ label: "no", rows: 1200 }, { label: "yes", rows: 2000 }],
  inferred: true,
  parameters: 1234,
  share: 0.0005,
  device: "wasm",
  deviceDescription: "2 threads",
};

function step(step: number, loss: number, seconds: number): StepEvent {
  const rest = { epoch: step / 100, learningRate: 0.1, gradientNorm: 1, rows: 32, tokens: 640 };
  return { kind: "step", step, loss, seconds, ...rest };
}

function follower(terminal: boolean, quiet = false) {
  const { lines, progress, at } = clockedProgress(terminal, quiet);
  return { lines, watch: new TrainProgress(progress), at };
}

Deno.test("TrainProgress shows loss, metric, rows a second and the time left", () => {
  const { lines, watch, at } = follower(true);
  watch.tell(START);
  watch.tell(step(21, 0.5, 1));
  watch.tell({
    kind: "evaluation",
    step: 21,
    epoch: 0.21,
    loss: 0.6931,
    metrics: { accuracy: 0.75 },
    best: true,
    seconds: 2,
  });
  at(1000);
  watch.tell(step(22, 0.5, 2));
  assertEquals(lines, [
    '2 classes, taken from the rows: "no" 1200, "yes" 2000',
    "3,200 rows, 64,000 tokens, 100 steps, from step 20 on; 1,234 parameters, 0.050 % of the " +
    "base, on wasm (2 threads)",
    "Step 21, epoch 0.21: loss 0.6931, accuracy 75.00, best so far",
    // 64 rows in 2 s; 2 steps took 4 s with the evaluation, so the other 78 take 156 s.
    "status Training: step 22 of 100, loss 0.5000, accuracy 75.00, 32.0 rows/s, 2 min 36 s left",
  ]);
  assertEquals(watch.lastStep, 22);
});

Deno.test("TrainProgress shows a mean of the last losses that begins without a bias", () => {
  const { lines, watch, at } = follower(true);
  watch.tell({ ...START, resumedFrom: 0, classes: [] });
  watch.tell(step(1, 1, 1));
  at(1000);
  watch.tell(step(2, 2, 2));
  // Weights 0.95 · 0.05 and 0.05 of the two losses, made to sum to 1.
  const mean = (0.95 * 1 + 2) / 1.95;
  assertEquals(
    lines.at(-1),
    `status Training: step 2 of 100, loss ${mean.toFixed(4)}, 32.0 rows/s, 1 min 38 s left`,
  );
});

Deno.test("TrainProgress says nothing on --quiet", () => {
  const { lines, watch, at } = follower(false, true);
  watch.tell(START);
  at(20_000);
  watch.tell(step(21, 0.5, 1));
  assertEquals(lines, []);
});
