import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { adviseMerge, type MeasuredDrop, type MergeEvidence } from "../../lib/merge/advice.ts";
import { planMerge } from "../../lib/merge/merge_adapter.ts";
import type { MergeMethod } from "../../lib/merge/method_names.ts";
import { planSoup } from "../../lib/merge/soup_adapters.ts";
import type { Metric } from "../../lib/text/tasks.ts";
import { adapterConfig, withFolder, writeAdapter } from "./_adapters.ts";

function adviceFor(
  method: MergeMethod,
  config = adapterConfig(),
  evidence: MergeEvidence = {},
): Promise<string> {
  let advice = "";
  return withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, config);
    using adapter = await openAdapter(`${folder}/a`);
    advice = adviseMerge(await planMerge(adapter, `${folder}/b`, { method }), evidence);
  }).then(() => advice);
}

Deno.test("adviseMerge() ships what is exact and names its compute", async () => {
  // 6 attention dimensions beside D = 6, at 128 tokens: (4 T D E + 2 T² E) / (12 T D² + 2 T² D).
  const share = (4 * 128 * 6 * 6 + 2 * 128 ** 2 * 6) / (12 * 128 * 36 + 2 * 128 ** 2 * 6);
  assertEquals(Math.round(100 * share), 85);
  assertEquals(
    await adviceFor("stack"),
    "Nothing is lost: ship this; its heads cost about 85 % of the encoder's compute",
  );
  assertStringIncludes(await adviceFor("product", adapterConfig({ numHeads: 1 })), "28 %");
});

Deno.test("adviseMerge() calls a loss a prediction and advises stack", async () => {
  const advice = await adviceFor("average");
  assertMatch(advice, /^Predicted without data: average changes .* by up to \d+ %/);
  assertStringIncludes(advice, "saves about 57 %");
  assertStringIncludes(advice, "ship stack, unless check on your data finds no loss");
});

Deno.test("adviseMerge() ships a merge that changes little if a check agrees", () =>
  withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig());
    using adapter = await openAdapter(`${folder}/a`);
    const same = await planSoup([adapter, adapter], `${folder}/b`, { method: "aligned" });
    const advice = adviseMerge(same);
    assertStringIncludes(advice, "by up to 0.001 %");
    assertStringIncludes(advice, "ship this if check on your data agrees");
    const exact = await planSoup([adapter, adapter], `${folder}/b`, { method: "stack" });
    assertStringIncludes(adviseMerge(exact), "the mean of what the 2 adapters add: only check");
  }));

/** A measured drop with its interval, all as fractions. */
function measured(drop: number, interval: readonly [number, number], metric: Metric = "accuracy") {
  return { examples: 872, metric, drop, agreement: 0.9997, significance: { interval } };
}

const MEASURED: readonly (readonly [string, MergeEvidence, readonly string[]])[] = [
  [
    "a loss",
    { comparison: measured(0.05046, [0.0264, 0.0746]) },
    [
      "average loses 5.0 points of accuracy (2.6 to 7.5) against stack; stacking costs about 85 %",
      "compute: ship stack, or distil",
    ],
  ],
  [
    "a small loss that is no chance",
    { comparison: measured(0.006, [0.001, 0.012]) },
    ["loses 0.6 points", "a small loss, but no chance: ship stack, or distil, unless compute"],
  ],
  [
    "a loss within the noise that may hide more",
    { comparison: measured(0.006, [-0.005, 0.017]) },
    [
      "loses 0.6 points of accuracy (-0.5 to 1.7)",
      "within the noise of 872 rows, in which a loss of 1.7 points may hide: ship stack",
    ],
  ],
  [
    "no loss beyond a point",
    { comparison: measured(0.001, [-0.004, 0.006]) },
    ["loses 0.1 points", "compute: within the noise of 872 rows: ship this"],
  ],
  [
    "a gain",
    { comparison: measured(-0.02, [-0.035, -0.004]) },
    ["gains 2.0 points of accuracy (0.4 to 3.5)", "a gain that is no chance: ship this"],
  ],
  [
    "a regression",
    { comparison: measured(0.413, [0.39, 0.44], "pearson") },
    ["loses 41.3 points of Pearson correlation (39.0 to 44.0)", "ship stack, or distil"],
  ],
  [
    "nothing",
    { comparison: measured(0, [0, 0], "matthews") },
    ["loses 0.0 points of Matthews correlation (0.0 to 0.0)", "ship this"],
  ],
  [
    "nothing on few rows",
    { comparison: { ...measured(0, [0, 0]), examples: 100 } },
    ["loses 0.0 points of accuracy", "a loss of 3.0 points may hide: ship stack, or distil, or"],
  ],
  [
    "nothing on a single row",
    { comparison: { ...measured(0, [0, 0]), examples: 1 } },
    ["within the noise of 1 row, in which a loss of 100.0 points may hide: ship stack"],
  ],
  [
    "text without labels",
    { layers: [{ relativeError: 0.25 }, { relativeError: 0.5 }] },
    ["Measured on text without labels: average changes what a layer's heads add by up to 50 %"],
  ],
];

for (const [what, evidence, says] of MEASURED) {
  Deno.test(`adviseMerge() goes by measurements: ${what}`, async () => {
    const advice = await adviceFor("average", adapterConfig(), evidence);
    for (const part of says) assertStringIncludes(advice, part);
    assert(!advice.endsWith("."));
  });
}

Deno.test("adviseMerge() takes the base's own sizes for the share of compute", async () => {
  // As above, beside a feed-forward part of width 60: 4 T D² + 2 T D F + 2 T² D.
  const heads = 4 * 128 * 6 * 6 + 2 * 128 ** 2 * 6;
  const share = heads / (4 * 128 * 36 + 2 * 128 * 6 * 60 + 2 * 128 ** 2 * 6);
  const base = { hiddenSize: 6, intermediateSize: 60 };
  assertStringIncludes(
    await adviceFor("stack", adapterConfig(), { base }),
    `about ${Math.round(100 * share)} %`,
  );
});

Deno.test("adviseMerge() never calls predictions that differ all the same", async () => {
  const comparison = measured(0, [0, 0]);
  assertStringIncludes(
    await adviceFor("stack", adapterConfig(), { comparison }),
    "Nothing is lost (agreement 99.9 % on 872 rows): ship this",
  );
  const same = { ...comparison, agreement: 1, examples: 1 };
  assertStringIncludes(
    await adviceFor("stack", adapterConfig(), { comparison: same }),
    "(agreement 100 % on 1 row)",
  );
});

Deno.test("adviseMerge() holds a soup against the best of its adapters", () =>
  withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig());
    using adapter = await openAdapter(`${folder}/a`);
    const soup = await planSoup([adapter, adapter], `${folder}/b`, { method: "aligned" });
    const advise = (comparison: MeasuredDrop, chosen: boolean, merge = soup) =>
      adviseMerge(merge, { comparison, best: { name: "a", comparison, chosen } });
    const gain = advise(measured(-0.02, [-0.03, -0.01]), true);
    assertMatch(gain, /^The soup gains 2.0 points .* against a, the best .*: ship this; it was ch/);
    const loss = advise(measured(0.02, [0.01, 0.03]), false);
    assertMatch(loss, /^The soup loses 2.0 points of accuracy .*: ship a; its heads cost/);
    const one = await planMerge(adapter, `${folder}/b`, { method: "stack" });
    assertMatch(advise(measured(0, [0, 0]), true, one), /^Only a is kept, .* lowers accuracy/);
  }));
