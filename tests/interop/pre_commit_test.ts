// The hook for pre-commit, called as pre-commit calls it.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { parse } from "yaml";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));
const [hook] = parse(await Deno.readTextFile(join(ROOT, ".pre-commit-hooks.yaml")));

/** Runs the hook in a folder with the changed files that its pattern matches. */
async function runHook(cwd: string, changed: readonly string[]) {
  const files = changed.filter((file) => new RegExp(hook.files).test(file));
  const bin = join(cwd, "bin");
  await Deno.mkdir(bin, { recursive: true });
  if (!await Deno.lstat(join(bin, "deno")).then(() => true, () => false)) {
    await Deno.symlink(Deno.execPath(), join(bin, "deno"));
  }
  const { code, stdout, stderr } = await new Deno.Command(join(ROOT, hook.entry), {
    args: files,
    cwd,
    env: { PATH: `${bin}:${Deno.env.get("PATH")}` },
  }).output();
  const decoder = new TextDecoder();
  return { code, files, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("the hook validates each changed folder with weights once, and nothing else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft hook " });
  try {
    for (const name of ["adapter", "encoder"]) {
      await Deno.symlink(join(ROOT, "fixtures/mini", name), join(folder, name));
    }
    await Deno.mkdir(join(folder, "app"));
    await Deno.writeTextFile(join(folder, "app/config.json"), "no model's");
    const changed = ["adapter/adapter_config.json", "adapter/adapter_model.safetensors"];
    const sound = await runHook(folder, [...changed, "app/config.json", "README.md"]);
    assertEquals(sound.files.length, 3);
    assertEquals([sound.code, sound.err], [0, ""]);
    assertEquals(
      sound.out,
      "adapter/adapter_config.json: ok\nadapter/adapter_model.safetensors: ok\n",
    );

    await Deno.mkdir(join(folder, "-bad"));
    await Deno.writeTextFile(join(folder, "-bad/model.safetensors"), "abc");
    const bad = await runHook(folder, ["-bad/model.safetensors", "app/config.json"]);
    assertEquals(bad.code, 1);
    assertStringIncludes(bad.out, "fault header-too-small");

    const nothing = await runHook(folder, ["app/config.json"]);
    assertEquals([nothing.code, nothing.out], [0, ""]);
    assert(!new RegExp(hook.files).test("tsconfig.json.bak"));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
