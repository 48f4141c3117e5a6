import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { openCheckpoint, readFloats } from "../../lib/checkpoint/open.ts";
import { compareOutputs, type Outputs, readPredictions } from "../../lib/eval/compare.ts";
import { computeMetric, countCorrect } from "../../lib/eval/metrics.ts";
import { parseDataset } from "../../lib/text/dataset.ts";
import { labelIndices, labelValues } from "../../lib/text/labels.ts";
import { findTask, type Metric } from "../../lib/text/tasks.ts";
import { sharedPath } from "../_shared.ts";

/** PyTorch's metrics of one variant. */
type Report = Partial<Record<Metric | "correct" | "examples", number>>;

async function readGolden(folder: string): Promise<{ task: string; dev: Record<string, Report> }> {
  return JSON.parse(await Deno.readTextFile(`${folder}/report.json`));
}

async function readOutputs(folder: string): Promise<Outputs> {
  using file = await openCheckpoint(`${folder}/dev_logits.safetensors`);
  const entry = file.tensors.get("logits")!;
  const [rows = 0, cols = 0] = entry.shape;
  return { logits: await readFloats(entry), rows, cols };
}

async function readTargets(name: string): Promise<Uint32Array | Float64Array | undefined> {
  const path = sharedPath(`data/glue/${name}/dev.tsv`);
  if (path === undefined) return undefined;
  const task = findTask(name);
  const rows = parseDataset(await Deno.readTextFile(path), { path, task, requireLabel: true });
  // PyTorch's report rounded scores to f32, which moves a correlation by 1e-9.
  if (task.kind === "regression") return labelValues(rows, { path }).map(Math.fround);
  return labelIndices(rows, task.labels!, { path, task });
}

for (const golden of ["sst2_h1", "sst2_h4", "sst2_h4_route", "cola_h4", "mrpc_h4", "stsb_h4"]) {
  Deno.test(`computeMetric() gives PyTorch's metrics of ${golden}`, async () => {
    const folder = sharedPath(`goldens/${golden}`);
    if (folder === undefined) return;
    const { task, dev } = await readGolden(folder);
    const targets = await readTargets(task);
    if (targets === undefined) return;
    const { kind } = findTask(task);
    let compared = 0;
    for (const [variant, want] of Object.entries(dev)) {
      if (!("accuracy" in want) && !("pearson" in want)) continue;
      const predictions = readPredictions(await readOutputs(`${folder}/${variant}`), targets, kind);
      if (predictions.kind === "classification") {
        assertEquals([countCorrect(predictions), targets.length], [want.correct, want.examples]);
        for (const metric of ["accuracy", "f1", "matthews"] as const) {
          assertAlmostEquals(computeMetric(metric, predictions), want[metric]!, 1e-12);
        }
      } else {
        for (const metric of ["pearson", "spearman"] as const) {
          assertAlmostEquals(computeMetric(metric, predictions), want[metric]!, 1e-12);
        }
      }
      compared++;
    }
    assert(compared > 0, "the report has no metrics");
  });
}

for (const golden of ["sst2_h4", "cola_h4", "stsb_h4"]) {
  Deno.test(`compareOutputs() reports what averaging cost ${golden}`, async () => {
    const folder = sharedPath(`goldens/${golden}`);
    if (folder === undefined) return;
    const report = await readGolden(folder);
    const targets = await readTargets(report.task);
    if (targets === undefined) return;
    const { kind, metric, alsoReport } = findTask(report.task);
    const [before, after] = await Promise.all(
      ["multi_head", "average"].map((variant) => readOutputs(`${folder}/${variant}`)),
    ) as [Outputs, Outputs];
    const result = compareOutputs(before, after, targets, { kind, metric, alsoReport });
    const { multi_head: multiHead, average } = report.dev;
    assertAlmostEquals(result.drop, multiHead![metric]! - average![metric]!, 1e-12);
    // Averaging independent heads cost clearly more than chance.
    const [low, high] = result.significance.interval;
    assert(0 < low && low < result.drop && result.drop < high, `${low} to ${high}`);
    assert(result.agreement < 0.95 && result.maxLogitDifference > 0.1);
  });
}
