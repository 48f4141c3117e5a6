import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCaptured, runJson } from "../_io.ts";
import { makeWorkspace, snapshot } from "../_workspace.ts";

Deno.test("export prints what the other code must be told", async () => {
  await using space = await makeWorkspace();
  const out = space.at("theirs.safetensors");
  const { code, json } = await runJson(["export", space.adapter, out, "--layout", "nemo"]);
  assertEquals([code, json.layout, json.exact], [0, "nemo", true]);
  assertEquals(json.leftOut, ["classifier.weight", "classifier.bias"]);
  assertEquals(json.settings, { n_feat: 64, n_head: 4, proj_dim: 4 });
  assertEquals((json.written as unknown[]).length, 1);
  const argv = ["export", space.adapter, space.at("a.safetensors"), "--layout", "authors"];
  const text = await runCaptured(argv);
  assertEquals(text.code, 0, text.err);
  assertStringIncludes(text.out, "attention_emd 4, attention_head 4");
  assertStringIncludes(text.out, 'no model of type "bert"');
});

Deno.test("export refuses before it writes", async () => {
  await using space = await makeWorkspace();
  const before = await snapshot(space.folder);
  for (
    const [flags, says] of [
      [[], "authors, nemo or python"],
      [["--layout", "peft"], "expected one of authors, nemo, python"],
      [["--layout", "python", "--dtype", "F16"], "does not go with --layout python"],
      [["--layout", "nemo", "--base", "org/base"], "goes with --layout python"],
      [["--layout", "authors", "--name", "x"], "goes with --layout nemo"],
      [["--layout", "nemo", "--name", "x.y"], "has no dot"],
      [["--layout", "nemo", "--dtype", "I8"], "--dtype"],
    ] as const
  ) {
    const argv = ["export", space.adapter, space.at("out.safetensors"), ...flags];
    const { code, json } = await runJson(argv);
    const error = json.error as Record<string, string>;
    assertEquals([code, error.code], [2, "usage"]);
    assertStringIncludes(error.message!, says);
    assertEquals(await snapshot(space.folder), before);
  }
});

Deno.test("export writes a folder for Python, which is an adapter still", async () => {
  await using space = await makeWorkspace();
  const out = space.at("python");
  const argv = ["export", space.adapter, out, "--layout", "python", "--base", "org/base"];
  const { code, json, err } = await runJson(argv);
  assertEquals([code, json.base, err], [0, "org/base", ""]);
  assertStringIncludes(json.load as string, `from_pretrained("${out}", trust_remote_code=True)`);
  const text = ["the cat sat", "--device", "reference"];
  const predict = (adapter: string) =>
    runJson(["predict", space.base, "--adapter", adapter, ...text]);
  assertEquals((await predict(out)).json, (await predict(space.adapter)).json);
  assertEquals((await runCaptured(["validate", out])).code, 0);
  const local = argv.with(2, space.at("local")).with(6, space.base);
  assertStringIncludes((await runCaptured(local)).err, "is on this machine only");
});
