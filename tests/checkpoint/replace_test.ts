// What the executor keeps of the output that it replaces: symlinks, permissions.

import { assert, assertEquals, assertRejects } from "@std/assert";
import { execute } from "../../lib/checkpoint/execute.ts";
import type { Plan } from "../../lib/checkpoint/plan.ts";
import { listFolder } from "../../lib/checkpoint/sources.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { TempFolder, tensorFile } from "./_disk.ts";
import { bytesFile, dataStep, filePlan, folderPlan } from "./_plans.ts";

const one = dataStep("w", 1, () => Promise.resolve(Uint8Array.of(1)));
const force = { force: true };
const onWindows = Deno.build.os === "windows";

function modeOf(path: string): number {
  return Deno.statSync(path).mode! & 0o777;
}

Deno.test("execute() replaces what a symlink to a folder leads to, and keeps the symlink", async () => {
  using folder = new TempFolder();
  folder.write("real/out/config.json", "old");
  await Deno.symlink("real/out", folder.join("link"));
  await execute(folderPlan(folder.join("link"), [one]), force);
  assert((await Deno.lstat(folder.join("link"))).isSymlink);
  assertEquals(await Deno.readFile(folder.join("link/model.safetensors")), tensorFile({ w: [1] }));
  assertEquals(listFolder(folder.join("real")), ["out"]);
  assertEquals(listFolder(folder.join("real/out")), ["config.json", "model.safetensors"]);
});

Deno.test("execute() follows a symlink to a symlink on the way to a new file", async () => {
  using folder = new TempFolder();
  folder.write("real/keep", "");
  await Deno.symlink("real", folder.join("one"));
  await Deno.symlink("one", folder.join("two"));
  await execute(filePlan(folder.join("two/out.safetensors"), [one]));
  assertEquals(
    await Deno.readFile(folder.join("real/out.safetensors")),
    tensorFile({ w: [1] }),
  );
});

Deno.test("execute() refuses a symlink to nothing, as cp does", async () => {
  using folder = new TempFolder();
  await Deno.symlink("nowhere", folder.join("dangling"));
  for (const plan of [filePlan, folderPlan]) {
    const error = await assertRejects(
      () => execute(plan(folder.join("dangling"), [one]), force),
      TinygraftError,
    );
    assertEquals(error.code, "unwritable-output");
  }
});

Deno.test({
  name: "execute() gives a file the permissions of the one it replaces",
  ignore: onWindows,
  fn: async () => {
    using folder = new TempFolder();
    for (const mode of [0o600, 0o640, 0o666, 0o444]) {
      const path = folder.write(`${mode}.safetensors`, "old");
      await Deno.chmod(path, mode);
      await execute(filePlan(path, [one]), force);
      assertEquals([modeOf(path), await Deno.readFile(path)], [mode, tensorFile({ w: [1] })]);
    }
  },
});

Deno.test({
  name: "execute() gives a folder and its files the permissions of those it replaces",
  ignore: onWindows,
  fn: async () => {
    using folder = new TempFolder();
    folder.write("out/config.json", "old");
    folder.write("out/1_Pooling/config.json", "old");
    folder.write("out/tokenizer.json", "dropped");
    await Deno.chmod(folder.join("out/config.json"), 0o600);
    await Deno.chmod(folder.join("out/1_Pooling/config.json"), 0o640);
    await Deno.chmod(folder.join("out"), 0o750);
    const plan = folderPlan(folder.join("out"), [one]);
    const files = [...plan.files, bytesFile("1_Pooling/config.json", "new")];
    await execute({ ...plan, files }, force);
    const modes = ["out", "out/config.json", "out/1_Pooling/config.json"].map((name) =>
      modeOf(folder.join(name))
    );
    assertEquals(modes, [0o750, 0o600, 0o640]);
  },
});

Deno.test({
  name: "execute() keeps others from what it builds to replace a private file or folder",
  ignore: onWindows,
  fn: async () => {
    using folder = new TempFolder();
    folder.write("out/model.safetensors", "old");
    folder.write("out.safetensors", "old");
    await Deno.chmod(folder.join("out"), 0o700);
    await Deno.chmod(folder.join("out.safetensors"), 0o600);
    for (const [plan, mode] of [[folderPlan, 0o700], [filePlan, 0o600]] as const) {
      const output = folder.join(mode === 0o700 ? "out" : "out.safetensors");
      const seen: number[] = [];
      const spy = dataStep("w", 1, () => {
        for (const { name } of Deno.readDirSync(folder.path)) {
          if (name.startsWith(".")) seen.push(modeOf(folder.join(name)));
        }
        return Promise.resolve(Uint8Array.of(1));
      });
      await execute(plan(output, [spy]), force);
      assertEquals(seen, [mode]);
    }
  },
});

Deno.test("execute() refuses to drop someone's file in a subfolder that it would replace", async () => {
  using folder = new TempFolder();
  folder.write("out/1_Pooling/config.json", "old");
  const files = [bytesFile("1_Pooling/config.json", "new")];
  const plan: Plan = { output: folder.join("out"), kind: "folder", inputs: [], files };
  await execute(plan, force);
  folder.write("out/1_Pooling/notes/today.txt", "mine");
  const before = folder.snapshot();
  const error = await assertRejects(() => execute(plan, force), TinygraftError);
  assertEquals(error.code, "foreign-files");
  assertEquals(folder.snapshot(), before);
});
