// The check after a merge against PyTorch, on a real encoder and GLUE's own dev sets.

import { assert, assertEquals } from "@std/assert";
import { checkMerge, type CheckPrediction, type CheckResult } from "../../lib/eval/check.ts";
import { openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import type { DeviceName } from "../../lib/compute/open.ts";
import { compareOutputs } from "../../lib/eval/compare.ts";
import { runRows } from "../../lib/eval/run.ts";
import { openSession } from "../../lib/eval/session.ts";
import { planMerge } from "../../lib/merge/merge_adapter.ts";
import { assertClose } from "../_close.ts";
import {
  type Golden,
  goldenPaths,
  GOLDENS,
  LOGIT_TOLERANCE,
  readLogits,
  readReport,
} from "./_goldens.ts";

/** Rows of the slow reference, and of the check of our own merge. */
const FEW_ROWS = 64;

/** Rows of the slow reference where both adapters are ours. */
const FOLDED_ROWS = 16;

type Paths = NonNullable<ReturnType<typeof goldenPaths>>;

function run(golden: Golden, paths: Paths, after: string, device: DeviceName, limit?: number) {
  return checkMerge({
    base: paths.base,
    before: paths.variant("multi_head"),
    after,
    data: paths.data,
    task: golden.task,
    device,
    limit,
    maxDrop: 1,
  });
}

function assertLogits(
  predictions: readonly CheckPrediction[],
  which: "before" | "after",
  want: Float32Array,
): void {
  const actual = predictions.flatMap((prediction) => prediction[which].logits);
  assertClose(actual, want.subarray(0, actual.length), LOGIT_TOLERANCE, which);
}

/** The same number of correct predictions; Pearson, which has no counts, within 1e-4. */
async function assertMetrics(result: CheckResult, paths: Paths): Promise<void> {
  const report = await readReport(paths.report);
  for (const [which, variant] of [["before", "multi_head"], ["after", "average"]] as const) {
    const want = report[variant]!;
    if (want.correct === undefined) {
      assert(Math.abs(result[which].pearson! - want.pearson!) <= 1e-4, `${variant} pearson`);
      continue;
    }
    const correct = result.predictions.filter((row) => row[which].prediction === row.label);
    assertEquals([correct.length, result.examples], [want.correct, want.examples], variant);
    if (result.metric === "matthews") {
      assert(Math.abs(result[which].matthews! - want.matthews!) <= 1e-12, `${variant} matthews`);
    }
  }
}

for (const golden of GOLDENS) {
  Deno.test(`check reproduces PyTorch's metrics and logits of ${golden.name} on WebGPU`, async () => {
    const paths = goldenPaths(golden);
    if (paths === undefined) return;
    const result = await run(golden, paths, paths.variant("average"), "webgpu");
    assertLogits(result.predictions, "before", await readLogits(paths.variant("multi_head")));
    assertLogits(result.predictions, "after", await readLogits(paths.variant("average")));
    await assertMetrics(result, paths);
  });

  Deno.test(`check reproduces PyTorch's logits of ${golden.name} on the reference`, async () => {
    const paths = goldenPaths(golden);
    if (paths === undefined) return;
    const average = paths.variant("average");
    const { predictions } = await run(golden, paths, average, "reference", FEW_ROWS);
    assertEquals(predictions.length, FEW_ROWS);
    assertLogits(predictions, "before", await readLogits(paths.variant("multi_head")));
    assertLogits(predictions, "after", await readLogits(average));
  });

  Deno.test(`merge --method average of ${golden.name} gives the logits of PyTorch's average`, async () => {
    const paths = goldenPaths(golden);
    if (paths === undefined) return;
    const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
    try {
      using adapter = await openAdapter(paths.variant("multi_head"));
      const { plan } = await planMerge(adapter, `${folder}/merged`, { method: "average" });
      await execute(plan);
      const { predictions } = await run(golden, paths, plan.output, "webgpu", FEW_ROWS);
      assertLogits(predictions, "after", await readLogits(paths.variant("average")));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

for (const golden of GOLDENS) {
  Deno.test(`merge --fold of ${golden.name} keeps the logits`, async () => {
    const paths = goldenPaths(golden);
    if (paths === undefined) return;
    const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
    try {
      using adapter = await openAdapter(paths.variant("multi_head"));
      const options = { method: "stack", fold: true } as const;
      const { plan, exact } = await planMerge(adapter, `${folder}/folded`, options);
      await execute(plan);
      const result = await run(golden, paths, plan.output, "reference", FOLDED_ROWS);
      assertEquals(exact, true);
      assert(result.maxLogitDifference <= 1e-5, `${result.maxLogitDifference}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** How far a merge's metric may be below the reference's, as a fraction: half a point. */
const METRIC_TOLERANCE = 0.005;

for (const golden of GOLDENS) {
  Deno.test(`merging ${golden.name} by aligned and product is as good as PyTorch's reference`, async () => {
    const paths = goldenPaths(golden);
    if (paths === undefined) return;
    const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
    try {
      const methods = ["aligned", "product"] as const;
      using adapter = await openAdapter(paths.variant("multi_head"));
      for (const method of methods) {
        await execute((await planMerge(adapter, `${folder}/${method}`, { method })).plan);
      }
      const adapters = methods.map((method) => `${folder}/${method}`);
      using session = await openSession({ base: paths.base, adapters, device: "webgpu" });
      const { data, targets, variants } = await runRows(session, {
        data: paths.data,
        task: golden.task,
      });
      const report = await readReport(paths.report);
      for (const [i, method] of methods.entries()) {
        const kind = adapter.config.task.type;
        const options = { kind, ...data };
        const { metric, after } = compareOutputs(variants[i]!, variants[i]!, targets, options);
        const [found, want] = [after[metric]!, report[method]![metric]!];
        assert(found >= want - METRIC_TOLERANCE, `${method}: ${metric} ${found}, expected ${want}`);
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
