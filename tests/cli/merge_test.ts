import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, snapshot } from "../_workspace.ts";

Deno.test("merge leaves as many heads as asked and says which became one", async () => {
  await using space = await makeWorkspace();
  for (const method of ["average", "aligned", "product"]) {
    const out = space.at(method);
    const argv = ["merge", space.adapter, out, "--method", method, "--heads", "2"];
    const { code, json } = await runJson(argv);
    assertEquals([code, json.headsBefore, json.headsAfter, json.exact], [0, 4, 2, false]);
    for (const { groups, spread } of json.layers as { groups: number[][]; spread: number }[]) {
      assertEquals([groups.length, groups.flat().sort().join("")], [2, "0123"]);
      assert(spread > 0);
    }
    assertStringIncludes(json.advice as string, "Predicted without data");
    const text = await runCaptured([...argv, "--dry-run", "--force"]);
    assertStringIncludes(text.out, `${method}: 4 heads to 2 heads a layer, not exact`);
    assertStringIncludes(text.out, "merged heads");
    assertStringIncludes(text.out, json.advice as string);
  }
});

Deno.test("merge --fold computes the same in other tensors", async () => {
  await using space = await makeWorkspace();
  const out = space.at("folded");
  const { json } = await runJson(["merge", space.adapter, out, "--fold"]);
  assertEquals([json.method, json.headsAfter, json.exact], ["stack", 4, true]);
  const check = await runJson([
    "check",
    space.base,
    ...["--before", space.adapter, "--after", out, "--data", space.data],
    ...["--device", "reference"],
  ]);
  assertEquals(check.code, 0);
  const difference = check.json.maxLogitDifference as number;
  assert(difference > 0 && difference < 1e-5, `${difference}`);
});

Deno.test("merge refuses a number of heads that makes no sense", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  for (
    const [flags, says] of [
      [["--method", "product", "--heads", "5"], "5 heads a layer: it has 4"],
      [["--method", "product", "--heads", "0"], "at least 1"],
      [["--heads", "2"], "stack keeps every head"],
    ] as const
  ) {
    const { code, json } = await runJson(["merge", space.adapter, space.at("out"), ...flags]);
    const error = json.error as Record<string, string>;
    assertEquals([code, error.code], [2, "usage"]);
    assertStringIncludes(error.message!, says);
    assertEquals(await snapshot(space.folder), before);
  }
});
