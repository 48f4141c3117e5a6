import { assert, assertEquals, assertRejects } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { InterruptedError, UsageError } from "../../lib/errors.ts";
import { checkMerge } from "../../lib/eval/check.ts";
import { checkedMerge, type CheckedMergeOptions } from "../../lib/eval/merge_check.ts";
import { makeWorkspace, ROWS, snapshot, type Workspace } from "../_workspace.ts";

/** Options that measure on the workspace's rows. */
function onRows(
  { base, data }: Workspace,
  changes: Partial<CheckedMergeOptions> = {},
): CheckedMergeOptions {
  return { method: "average", base, data, device: "reference", ...changes };
}

for (const dtype of ["F32", "BF16"] as const) {
  Deno.test(`checkedMerge() measures what check finds in the files, for ${dtype}`, async () => {
    await using space = await makeWorkspace({}, { dtype });
    const { base, data } = space;
    using adapter = await openAdapter(space.adapter);
    for (const [method, heads] of [["average", undefined], ["product", 2]] as const) {
      const out = space.at(`${method}-out`);
      const { merge, measured, outputs } = await checkedMerge(
        adapter,
        out,
        onRows(space, { method, heads }),
      );
      await execute(merge.plan);
      const files = { base, before: space.adapter, after: out, data, device: "reference" as const };
      const { examples, metric, before, after, drop, agreement, maxLogitDifference, significance } =
        await checkMerge({ ...files, maxDrop: 1 });
      // Measured before anything was written, and yet with the values as stored: bit for bit.
      assertEquals(
        measured.comparison,
        { examples, metric, before, after, drop, agreement, maxLogitDifference, significance },
      );
      assert(maxLogitDifference > 1e-3);
      assertEquals(outputs?.before.rows, ROWS.length);
      assertEquals(measured.layers.map(({ layer }) => layer), [0, 1]);
      assert(measured.layers.every(({ relativeError }) => relativeError > 0.01));
      assertEquals(measured.text, {
        path: data,
        rows: ROWS.length,
        tokens: measured.data!.tokens,
      });
      assertEquals(measured.calibration, undefined);
      assertEquals(measured.base, { hiddenSize: 64, intermediateSize: 128 });
    }
  });
}

Deno.test("checkedMerge() finds no loss in stack", async () => {
  await using space = await makeWorkspace();
  using adapter = await openAdapter(space.adapter);
  const { merge, measured } = await checkedMerge(
    adapter,
    "out",
    onRows(space, { method: "stack" }),
  );
  assertEquals([merge.exact, measured.comparison?.maxLogitDifference], [true, 0]);
  assertEquals(measured.layers.map(({ relativeError }) => relativeError), [0, 0]);
});

for (const method of ["average", "aligned", "product", "distil"] as const) {
  Deno.test(`checkedMerge() by ${method} is fitted to text without labels`, async () => {
    await using space = await makeWorkspace({}, { headDim: 2 });
    const text = space.at("text.tsv");
    await Deno.writeTextFile(text, `sentence\n${ROWS.join("\n")}\n`);
    using adapter = await openAdapter(space.adapter);
    const options = onRows(space, { method, heads: 2, calibrate: text, data: undefined });
    const { merge, measured } = await checkedMerge(adapter, space.at("out"), options);
    assertEquals([merge.method, merge.headsAfter, merge.exact], [method, 2, false]);
    assertEquals(measured.calibration?.rows, ROWS.length);
    assertEquals([measured.comparison, measured.data], [undefined, undefined]);
    assertEquals(measured.text.path, text);
    assertEquals(merge.config.mergedFrom?.map((source) => source.method), [method]);
    await execute(merge.plan);
    using written = await openAdapter(space.at("out"));
    assertEquals(written.config.numHeads, 2);
    // The labelled rows only judge: with them beside, the same is written.
    const both = await checkedMerge(adapter, space.at("both"), { ...options, data: space.data });
    assertEquals(both.merge.after.modules, merge.after.modules);
    assertEquals([both.measured.text.path, both.measured.comparison?.examples], [
      space.data,
      ROWS.length,
    ]);
  });
}

Deno.test("checkedMerge() refuses what cannot be measured, and writes nothing", async () => {
  await using space = await makeWorkspace();
  using adapter = await openAdapter(space.adapter);
  const before = await snapshot(space.folder);
  const merge = (changes: Partial<CheckedMergeOptions>) =>
    checkedMerge(adapter, space.at("out"), onRows(space, changes));
  await assertRejects(() => merge({ data: undefined }), UsageError);
  await assertRejects(() => merge({ method: "distil" }), UsageError);
  await assertRejects(() => merge({ heads: 5 }), UsageError);
  await assertRejects(() => merge({ signal: AbortSignal.abort() }), InterruptedError);
  const stopping = new AbortController();
  const onProgress = (_done: number, _total: number, label: string) => {
    if (label === "Measuring layers") stopping.abort();
  };
  await assertRejects(() => merge({ signal: stopping.signal, onProgress }), InterruptedError);
  assertEquals(await snapshot(space.folder), before);
});
