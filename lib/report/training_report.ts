/**
 * The report of a training run as one HTML page.
 *
 * @module
 */

import type { TrainingReportData } from "./training_data.ts";

export type {
  TrainingEvaluation,
  TrainingReportData,
  TrainingRun,
  TrainingStep,
} from "./training_data.ts";

/**
 * Renders the report of a training run: curves of loss, metric, learning rate and gradient, the
 * rows of each class, and the settings. The page is whole in itself: it loads nothing, runs no
 * script, and follows the reader's choice of light or dark.
 *
 * @param data The run, and how to do it again.
 * @returns An HTML document, the same for the same data.
 *
 * @example A run of two steps
 * ```ts
 * import { renderTrainingReport } from "tinygraft";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const step = { epoch: 0.5, learningRate: 1e-3, gradientNorm: 2 };
 * const page = await renderTrainingReport({
 *   run: {
 *     ...{ steps: 2, loss: 0.7, eval: null, metric: "accuracy", rows: 8, evalRows: 0 },
 *     ...{ classes: [], parameters: 100, share: 0.001, stoppedEarly: false, rowsPerSecond: 10 },
 *     settings: { learningRate: 1e-3 },
 *     history: {
 *       steps: [{ ...step, step: 1, loss: 0.8 }, { ...step, step: 2, loss: 0.6 }],
 *       evaluations: [],
 *     },
 *   },
 *   ...{ base: "base", output: "adapter", data: "train.tsv" },
 *   command: "tinygraft train base adapter --data train.tsv",
 *   environment: [],
 * });
 * assertStringIncludes(page, "Training of adapter");
 * ```
 */
export async function renderTrainingReport(data: TrainingReportData): Promise<string> {
  // Imported late: charts take long to load.
  const [{ renderPage }, { trainingPage }] = await Promise.all([
    import("./page.ts"),
    import("./training_page.ts"),
  ]);
  return await renderPage(trainingPage(data));
}
