import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { assertValid, keptValidator } from "../gate/_schemas.ts";
import { runCaptured, runJson } from "../_io.ts";

Deno.test("validate --sarif writes the findings beside what it prints", async () => {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  try {
    const bad = join(folder, "bad.safetensors");
    await Deno.writeTextFile(bad, "abc");
    const output = join(folder, "found.sarif");
    const first = await runJson(["validate", bad, "fixtures/mini/adapter", "--sarif", output]);
    assertEquals([first.code, first.json.ok], [1, false]);
    const validate = await keptValidator("sarif-2.1.0.json");
    const read = async () => {
      const log = JSON.parse(await Deno.readTextFile(output));
      assertValid(validate, log);
      return log.runs[0];
    };
    const { results, artifacts } = await read();
    assertEquals(results.length, 1);
    assertEquals([results[0].ruleId, results[0].level], ["header-too-small", "error"]);
    assertEquals(artifacts.map(({ location }: { location: unknown }) => location), [
      { uri: `file://${bad}` },
      { uri: "fixtures/mini/adapter/adapter_config.json", uriBaseId: "%SRCROOT%" },
      { uri: "fixtures/mini/adapter/adapter_model.safetensors", uriBaseId: "%SRCROOT%" },
    ]);

    const refused = await runCaptured(["validate", "fixtures/mini/adapter", "--sarif", output]);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.err, "it exists already");
    assertEquals(refused.out, "", "nothing was looked at");
    const forced = ["validate", "fixtures/mini/adapter", "--sarif", output, "--force"];
    assertEquals((await runCaptured(forced)).code, 0);
    assertEquals((await read()).results, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("validate --sarif does not replace what it validates", async () => {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  try {
    const path = join(folder, "x.safetensors");
    await Deno.writeTextFile(path, "abc");
    const { code, err } = await runCaptured(["validate", path, "--sarif", path, "--force"]);
    assertEquals(code, 1);
    assertStringIncludes(err, "input");
    assertEquals(await Deno.readTextFile(path), "abc");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
