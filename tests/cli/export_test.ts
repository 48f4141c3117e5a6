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
      [[], "authors or nemo"],
      [["--layout", "peft"], "expected one of authors, nemo"],
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
