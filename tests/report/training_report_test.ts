import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spansOf } from "../../lib/report/training_curves.ts";
import {
  renderTrainingReport,
  type TrainingReportData,
  type TrainingRun,
} from "../../lib/report/training_report.ts";
import { assertSound, tableRows } from "./_page.ts";

const STEPS = 300;

function runOf(more: Partial<TrainingRun> = {}): TrainingRun {
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

function dataOf(run: TrainingRun): TrainingReportData {
  const files = { base: "base", output: "mine", data: "train.tsv", evalData: "dev.tsv" };
  return { run, ...files, command: "tinygraft train base mine", environment: [["Deno", "2"]] };
}

Deno.test("renderTrainingReport() says how good the kept adapter is and draws its curves", async () => {
  const page = await renderTrainingReport(dataOf(runOf()));
  const root = await assertSound(page);
  assertEquals(tableRows(root, "Evaluations")[1], ["200", "2.00", "0.5000", "81.00", "71.00"]);
  assertEquals(tableRows(root, "Rows of each class")[1], ["yes", "200", "6.3 %"]);
  assertStringIncludes(
    page,
    "Accuracy 81.00 on 872 rows after step 200, the best of 3 evaluations.",
  );
  for (const title of ["Loss", "Metric, in points", "Learning rate", "Gradient norm"]) {
    assertStringIncludes(page, `<strong>${title}</strong>`);
  }
  assertStringIncludes(page, "&lt;no&gt;");
  assert(!page.includes("<no>"));
  assertStringIncludes(page, "right in 93.8 %");
  assertStringIncludes(page, "learning rate</th>");
  assertEquals(page, await renderTrainingReport(dataOf(runOf())));
});

Deno.test("renderTrainingReport() says so where nothing was judged, and shows no metric", async () => {
  const history = { ...runOf().history, evaluations: [] };
  const run = runOf({ eval: null, evalRows: 0, classes: [], history });
  const page = await renderTrainingReport(dataOf(run));
  assertStringIncludes(page, "After 300 steps nothing says how good the adapter is");
  assert(!page.includes("Metric, in points"));
  assert(!page.includes("Rows of each class"));
});

Deno.test("renderTrainingReport() draws a run of one step, and few of many classes", async () => {
  const { steps } = runOf().history;
  const classes = Array.from({ length: 77 }, (_, i) => ({ label: `intent ${i}`, rows: 77 - i }));
  const history = { steps: steps.slice(0, 1), evaluations: [] };
  const page = await renderTrainingReport(
    dataOf(runOf({ steps: 1, eval: null, classes, history })),
  );
  await assertSound(page);
  assertStringIncludes(page, "The 12 commonest and the 12 rarest of 77 classes.");
});

Deno.test("spansOf() joins neighbours with their mean, least and most", () => {
  assertEquals(spansOf([3, 1]), [
    { step: 1, mean: 3, low: 3, high: 3 },
    { step: 2, mean: 1, low: 1, high: 1 },
  ]);
  const spans = spansOf(Array.from({ length: 241 }, (_, i) => i));
  assertEquals(spans.length, 81);
  assertEquals(spans[0], { step: 2, mean: 1, low: 0, high: 2 });
  assertEquals(spans.at(-1), { step: 241, mean: 240, low: 240, high: 240 });
});
