// A training run made by hand, for the tests of its report.

import type { TrainingReportData, TrainingRun } from "../../lib/report/training_report.ts";

const STEPS = 300;

/** A run of 300 steps with three evaluations. */
export function runOf(more: Partial<TrainingRun> = {}): TrainingRun {
  const steps = Array.from({ length: STEPS }, (_, i) => ({
    step: i + 1,
    epoch: (i + 1) / 100,
    loss: 0.7 - i / 1000 + (i % 7) / 50,
    learningRate: 1e-3 * (1 - i / STEPS),
    gradientNorm: 2 - i / STEPS,
  }));
  const evaluations = [100, 200, 300].map((step, i) => ({
    step,
    epoch: i + 1,
    loss: 0.6 - i / 10,
    metrics: { accuracy: 0.8 + i / 100, f1: 0.7 + i / 100 },
  }));
  return {
    ...{ steps: STEPS, loss: 0.45, eval: evaluations[1]!, metric: "accuracy" },
    ...{ rows: 3200, evalRows: 872, parameters: 12_345, share: 0.0005 },
    classes: [{ label: "<no>", rows: 3000 }, { label: "yes", rows: 200 }],
    ...{ stoppedEarly: false, rowsPerSecond: 123.4 },
    settings: { learningRate: 1e-3, recipe: "plain" },
    history: { steps, evaluations },
    ...more,
  };
}

/** The report's data of a run. */
export function trainingOf(run: TrainingRun): TrainingReportData {
  const files = { base: "base", output: "mine", data: "train.tsv", evalData: "dev.tsv" };
  return { run, ...files, command: "tinygraft train base mine", environment: [["Deno", "2"]] };
}
