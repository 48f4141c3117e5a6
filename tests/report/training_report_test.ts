import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { spansOf } from "../../lib/report/training_curves.ts";
import { renderTrainingReport } from "../../lib/report/training_report.ts";
import { assertSound, tableRows } from "./_page.ts";
import { runOf, trainingOf } from "./_training.ts";

Deno.test("renderTrainingReport() says how good the kept adapter is and draws its curves", async () => {
  const page = await renderTrainingReport(trainingOf(runOf()));
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
  assertEquals(page, await renderTrainingReport(trainingOf(runOf())));
});

Deno.test("renderTrainingReport() says so where nothing was judged, and shows no metric", async () => {
  const history = { ...runOf().history, evaluations: [] };
  const run = runOf({ eval: null, evalRows: 0, classes: [], history });
  const page = await renderTrainingReport(trainingOf(run));
  assertStringIncludes(page, "After 300 steps nothing says how good the adapter is");
  assert(!page.includes("Metric, in points"));
  assert(!page.includes("Rows of each class"));
});

Deno.test("renderTrainingReport() draws a run of one step, and few of many classes", async () => {
  const { steps } = runOf().history;
  const classes = Array.from({ length: 77 }, (_, i) => ({ label: `intent ${i}`, rows: 77 - i }));
  const history = { steps: steps.slice(0, 1), evaluations: [] };
  const page = await renderTrainingReport(
    trainingOf(runOf({ steps: 1, eval: null, classes, history })),
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
