import { assertEquals, assertStringIncludes } from "@std/assert";
import { basename } from "@std/path";
import { openAdapter } from "../../lib/adapter/open.ts";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace } from "../_workspace.ts";

interface Suite {
  readonly passed: boolean;
  readonly checks: Record<string, unknown>[];
}

Deno.test("fixtures/mini/tinygraft.yaml: stacked heads pass, averaged ones fail", async () => {
  const argv = ["check", "--config", "fixtures/mini/tinygraft.yaml", "--device", "wasm"];
  const { code, json } = await runJson(argv);
  const { passed, checks } = json as unknown as Suite;
  assertEquals([code, passed], [1, false]);
  const found = checks.map(({ name, passed, drop, examples }) => [name, passed, drop, examples]);
  assertEquals(found, [["stacked", true, 0, 360], ["averaged", false, 188 / 360, 360]]);
});

Deno.test("fixtures/mini/stacked and averaged are what merge makes", async () => {
  await using space = await makeWorkspace();
  for (const [method, kept] of [["stack", "stacked"], ["average", "averaged"]] as const) {
    await runCaptured(["merge", "fixtures/mini/adapter", space.at(kept), "--method", method]);
    using made = await openAdapter(space.at(kept));
    using fixture = await openAdapter(`fixtures/mini/${kept}`);
    assertEquals(await fixture.contentHash(), await made.contentHash());
    assertEquals(fixture.config.mergedFrom, made.config.mergedFrom);
  }
});

const SUITE = `version: 1
defaults: { base: base, before: adapter, data: data.tsv, device: reference }
checks:
  - { name: absent, after: nowhere }
  - { name: same, after: adapter, max-drop: 0, max-drop-upper: 0 }
  - name: earlier
    after: adapter
    baseline: earlier.json
`;

Deno.test("check --config runs the other checks when one cannot be run", async () => {
  await using space = await makeWorkspace();
  const path = space.at("tinygraft.yaml");
  await Deno.writeTextFile(path, SUITE);
  const argv = ["check", "--config", path];
  // The result of one check is the baseline of another.
  const one = await runJson([...argv, "--only", "same"]);
  assertEquals([one.code, one.json.passed], [0, true]);
  const [check] = (one.json as unknown as Suite).checks;
  await Deno.writeTextFile(space.at("earlier.json"), JSON.stringify(check));

  const env = { GITHUB_ACTIONS: "true" };
  const { code, json, err } = await runJson(argv, { env });
  const { passed, checks } = json as unknown as Suite;
  assertEquals([code, passed], [1, false]);
  assertEquals(checks.map(({ name, passed }) => [name, passed]), [
    ["absent", false],
    ["same", true],
    ["earlier", true],
  ]);
  const { code: reason, message } = checks[0]!.error as { code: string; message: string };
  assertEquals(reason, "not-found");
  assertEquals(err.trim().split("::error ").length, 2);
  assertStringIncludes(err, `file=${path},line=4,col=5,title=tinygraft check absent::${message}`);
  const text = await runCaptured(argv);
  assertStringIncludes(text.out, "Failed: 1 of 3 checks");

  const changed = { ...check, settings: { task: "cola" } };
  await Deno.writeTextFile(space.at("earlier.json"), JSON.stringify(changed));
  const other = await runJson([...argv, "--only", "earlier"]);
  const [refused] = (other.json as unknown as Suite).checks;
  assertEquals((refused!.error as { code: string }).code, "baseline-mismatch");
});

Deno.test("check --config names faults by line, and checks that are not there", async () => {
  await using space = await makeWorkspace();
  const path = space.at("tinygraft.yaml");
  await Deno.writeTextFile(path, SUITE.replace("max-drop: 0,", "max-dorp: 0,"));
  const env = { GITHUB_ACTIONS: "true", GITHUB_WORKSPACE: space.at("..") };
  const { code, json, err: shown } = await runJson(["check", "--config", path], { env });
  const { code: reason, message } = json.error as { code: string; message: string };
  assertEquals([code, reason], [1, "invalid-suite"]);
  const place = `${basename(space.at("."))}/tinygraft.yaml`;
  assertStringIncludes(shown, `::error file=${place},line=5,col=`);
  assertStringIncludes(message, `${path}:5:`);
  assertStringIncludes(message, 'did you mean "max-drop"?');
  await Deno.writeTextFile(path, SUITE);
  const { code: usage, err } = await runCaptured(["check", "--config", path, "--only", "sane"]);
  assertEquals(usage, 2);
  assertStringIncludes(err, 'did you mean "same"?');
});
