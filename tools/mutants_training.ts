/**
 * Deliberate small faults in training that the tests must catch.
 *
 * @module
 */

import type { Mutant } from "./mutant.ts";

/** Losses, steps and rates. */
export const TRAINING: readonly Mutant[] = [
  {
    name: "the gradient of a class is not taken off",
    file: "lib/train/loss.ts",
    from: "(Math.exp(logs[col]!) - wanted) / stepRows",
    to: "Math.exp(logs[col]!) / stepRows",
    tests: ["tests/train/loss_test.ts"],
  },
  {
    name: "AdamW does not correct its first steps",
    file: "lib/train/optimizer.ts",
    from: "learningRate / (1 - BETA_1 ** this.steps)",
    to: "learningRate",
    tests: ["tests/train/optimizer_test.ts"],
  },
  {
    name: "what must not decay decays",
    file: "lib/train/optimizer.ts",
    from: "decays ? 1 - learningRate * weightDecay : 1",
    to: "1 - learningRate * weightDecay",
    tests: ["tests/train/optimizer_test.ts"],
  },
  {
    name: "mergeable heads are drawn to their sum",
    file: "lib/train/trainable.ts",
    from: "share * sum / heads",
    to: "share * sum",
    tests: ["tests/train/trainable_test.ts"],
  },
  {
    name: "mergeable heads are not drawn together",
    file: "lib/train/course.ts",
    from: 'if (recipe === "mergeable") adapter.drawTogether',
    to: "if (elasticity < 0) adapter.drawTogether",
    tests: ["tests/cli/train_test.ts"],
  },
  {
    name: "the rate rises a step late",
    file: "lib/train/schedule.ts",
    from: "learningRate * (step + 1) / rising",
    to: "learningRate * step / rising",
    tests: ["tests/train/schedule_test.ts"],
  },
];
