import { assert, assertEquals, assertRejects } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { InterruptedError, UsageError } from "../../lib/errors.ts";
import { type CheckedMerge, checkedMerge } from "../../lib/eval/merge_check.ts";
import { distilledMerge, type DistilledMergeOptions } from "../../lib/train/distilled_merge.ts";
import { divergence } from "../../lib/train/loss.ts";
import { makeWorkspace, snapshot, type Workspace } from "../_workspace.ts";

const MINI = fromFileUrl(new URL("../../fixtures/mini/", import.meta.url));

/** How far a merge's outputs on its labelled rows are from those before. */
function divergenceOf({ outputs }: CheckedMerge): number {
  const [after, before] = [outputs!.after, outputs!.before];
  const wanted = Float64Array.from(before.logits);
  const shape = { cols: after.cols, stepRows: after.rows };
  return divergence(Float64Array.from(after.logits), wanted, shape).loss;
}

/** Options that distil on the workspace's rows. */
function onText(
  { base, data }: Workspace,
  changes: Partial<DistilledMergeOptions> = {},
): DistilledMergeOptions {
  const distil = { batch: 4 };
  return { base, calibrate: data, device: "reference", distilSteps: 3, distil, ...changes };
}

Deno.test("distilledMerge() comes closer on other rows than the closed form does", async () => {
  using adapter = await openAdapter(`${MINI}adapter`);
  const options = {
    base: `${MINI}encoder`,
    calibrate: `${MINI}data/train.tsv`,
    data: `${MINI}data/dev.tsv`,
    calibrationRows: 60,
    limit: 60,
    heads: 2,
    device: "wasm",
  } as const;
  const closed = divergenceOf(await checkedMerge(adapter, "out", { ...options, method: "distil" }));
  const merge = await distilledMerge(adapter, "out", { ...options, distilSteps: 12 });
  const distilled = divergenceOf(merge);
  assert(distilled < 0.9 * closed, `${distilled}, by the closed form ${closed}`);
  assertEquals([merge.distillation?.steps, merge.distillation?.rows], [12, 384]);
  assertEquals([merge.merge.headsAfter, merge.merge.exact], [2, false]);
});

Deno.test("distilledMerge() is measured and written as every merge", async () => {
  await using space = await makeWorkspace({}, { dtype: "BF16" });
  using adapter = await openAdapter(space.adapter);
  const { merge, measured, distillation } = await distilledMerge(
    adapter,
    space.at("out"),
    onText(space, { data: space.data }),
  );
  assertEquals([distillation?.rows, measured.calibration?.rows], [8, 8]);
  assert(measured.comparison!.maxLogitDifference > 0);
  assertEquals(merge.config.mergedFrom?.map(({ method }) => method), ["distil"]);
  await execute(merge.plan);
  using written = await openAdapter(space.at("out"));
  assertEquals([written.config.numHeads, written.numLabels], [1, 2]);
  for (const name of ["classifier.weight", "classifier.bias"]) {
    const [before, after] = [adapter, written].map(({ tensors }) => tensors.get(name)!);
    assertEquals([after!.dtype, after!.shape], [before!.dtype, before!.shape]);
  }
});

Deno.test("distilledMerge() leaves alone what has no more heads than asked", async () => {
  await using space = await makeWorkspace();
  using adapter = await openAdapter(space.adapter);
  const options = onText(space, { heads: 4 });
  const { distillation, merge } = await distilledMerge(adapter, "out", options);
  assertEquals(distillation, undefined);
  const closed = await checkedMerge(adapter, "out", { ...options, method: "distil" });
  assertEquals(merge.after.modules, closed.merge.after.modules);
});

Deno.test("distilledMerge() refuses f16, and stops while it distils", async () => {
  await using space = await makeWorkspace();
  using adapter = await openAdapter(space.adapter);
  const before = await snapshot(space.folder);
  const merge = (changes: Partial<DistilledMergeOptions>) =>
    distilledMerge(adapter, space.at("out"), onText(space, changes));
  await assertRejects(() => merge({ precision: "f16" }), UsageError, "f16");
  await assertRejects(() => merge({ distilSteps: 0.5 }), UsageError, "steps is 0.5");
  const stopping = new AbortController();
  const onProgress = (_done: number, _total: number, label: string) => {
    if (label === "Distilling") stopping.abort();
  };
  await assertRejects(() => merge({ signal: stopping.signal, onProgress }), InterruptedError);
  assertEquals(await snapshot(space.folder), before);
});
