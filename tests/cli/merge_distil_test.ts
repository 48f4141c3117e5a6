import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { distilledBy } from "../../cli/merge_distil.ts";
import { DISTIL_DEFAULTS } from "../../lib/train/distil.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, snapshot, type Workspace } from "../_workspace.ts";

/** A merge by distil on the workspace's rows. */
function distil({ adapter, base, data, at }: Workspace, ...flags: string[]): string[] {
  const run = ["--base", base, "--calibrate", data, "--device", "reference"];
  return ["merge", adapter, at("out"), "--method", "distil", ...run, ...flags];
}

Deno.test("merge --distil-steps says what it did, in text, JSON and report", async () => {
  await using space = await makeWorkspace();
  const report = ["--report", space.at("page.html"), "--seed", "5"];
  const { code, json } = await runJson(distil(space, "--distil-steps", "2", ...report));
  assertEquals([code, json.method, json.headsAfter], [0, "distil", 1]);
  const record = json.distillation as Record<string, unknown>;
  assertEquals([record.steps, record.rows, record.seed, record.batch], [2, 8, 5, 32]);
  const page = await Deno.readTextFile(space.at("page.html"));
  assertStringIncludes(page, "distilled in 2 steps on 8 rows");
  assertStringIncludes(page, "--distil-steps 2 --seed 5");
  const written = await snapshot(space.at("out"));
  const shown = await runCaptured(distil(space, "--distil-steps", "2", "--seed", "5", "--force"));
  assertStringIncludes(shown.out, "then distilled in 2 steps on 8 rows");
  assertEquals(await snapshot(space.at("out")), written);
  const closed = await runJson(distil(space, "--force", "--distil-steps", "0"));
  assertEquals([closed.code, closed.json.distillation], [0, undefined]);
  assert(JSON.stringify(await snapshot(space.at("out"))) !== JSON.stringify(written));
});

Deno.test("merge refuses flags of distillation where nothing is distilled", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  for (
    const [flags, says] of [
      [["--seed", "1"], "--distil-steps with it"],
      [["--distil-steps", "3", "--precision", "f16"], "leave out --precision"],
      [["--distil-steps", "-1"], "--distil-steps"],
    ] as const
  ) {
    const { code, json } = await runJson(distil(space, ...flags));
    assertEquals(code, 2);
    assertStringIncludes((json.error as { message: string }).message, says);
  }
  const { code, json } = await runJson([
    "merge",
    ...[space.adapter, space.at("out"), "--method", "product", "--distil-steps", "3"],
  ]);
  assertEquals(code, 2);
  assertStringIncludes((json.error as { message: string }).message, "--method distil with it");
  assertEquals(await snapshot(space.folder), before);
});

Deno.test("distilledBy() tells steps, text, time and loss", () => {
  const text = distilledBy({
    ...DISTIL_DEFAULTS,
    steps: 250,
    rows: 8000,
    tokens: 106_912,
    lossBefore: 0.1082588,
    lossAfter: 0.05,
    seconds: 92.4,
  });
  assertEquals(
    text,
    "distilled in 250 steps on 8,000 rows, 106,912 tokens of it, in 1 min 32 s: " +
      "loss 0.108 to 0.0500",
  );
});
