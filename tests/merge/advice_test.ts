import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { adviseMerge } from "../../lib/merge/advice.ts";
import { planMerge } from "../../lib/merge/merge_adapter.ts";
import type { MergeMethod } from "../../lib/merge/method_names.ts";
import { planSoup } from "../../lib/merge/soup_adapters.ts";
import { adapterConfig, withFolder, writeAdapter } from "./_adapters.ts";

function adviceFor(method: MergeMethod, config = adapterConfig()): Promise<string> {
  let advice = "";
  return withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, config);
    using adapter = await openAdapter(`${folder}/a`);
    advice = adviseMerge(await planMerge(adapter, `${folder}/b`, { method }));
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
