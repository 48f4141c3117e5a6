import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openCheckpoint, readTensor } from "../../lib/checkpoint/open.ts";
import { describePlan, type Plan } from "../../lib/checkpoint/plan.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { noise } from "../_noise.ts";
import { writeTinyBert } from "../_tiny_model.ts";
import { TempFolder, tensorFile } from "./_disk.ts";
import { bytesFile, copySteps, dataStep, filePlan, folderPlan, tensorsFile } from "./_plans.ts";

async function sha256Of(path: string): Promise<string> {
  const bytes = await Deno.readFile(path);
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}

for (const sharded of [false, true]) {
  Deno.test(`execute() copies tensors byte for byte, sharded ${sharded}`, async () => {
    using folder = new TempFolder();
    await writeTinyBert(folder.join("base"), { dtype: "BF16", positionIds: true, sharded });
    const before = folder.snapshot();
    using base = await openCheckpoint(folder.join("base"));
    const plan = folderPlan(folder.join("out"), copySteps(base), [folder.join("base")]);
    const described = describePlan(plan);
    const written = await execute(plan, { verify: true });

    using copy = await openCheckpoint(folder.join("out"));
    assertEquals([...copy.tensors.keys()], [...base.tensors.keys()]);
    for (const [name, entry] of base.tensors) {
      const copied = copy.tensors.get(name)!;
      assertEquals([copied.dtype, copied.shape], [entry.dtype, entry.shape]);
      assertEquals(await readTensor(copied), await readTensor(entry));
    }
    for (const [i, { path, bytes, sha256, how }] of written.entries()) {
      const output = folder.join("out", path);
      assertEquals([path, bytes], [described.files[i]!.path, described.files[i]!.bytes]);
      assertEquals(bytes, (await Deno.stat(output)).size);
      assertEquals(sha256, await sha256Of(output));
      assertEquals(how, "written");
    }
    const after = Object.entries(folder.snapshot()).filter(([path]) => !path.startsWith("out"));
    assertEquals(Object.fromEntries(after), before);
  });
}

Deno.test("execute() writes one file with metadata, without the folder around it", async () => {
  using folder = new TempFolder();
  const output = folder.join("out.safetensors");
  const data = () => Promise.resolve(Uint8Array.of(5, 6));
  const metadata = new Map([["format", "pt"], ["a", "é"]]);
  const files = [{
    kind: "safetensors" as const,
    path: "",
    tensors: [dataStep("w", 2, data)],
    metadata,
  }];
  const plan: Plan = { output, kind: "file", inputs: [], files };
  const [written] = await execute(plan, { verify: true });
  assertEquals([written?.path, written?.how], ["", "written"]);
  assertEquals(written?.sha256, await sha256Of(output));
  assertEquals(
    await Deno.readFile(output),
    tensorFile({ w: [5, 6] }, { format: "pt", a: "é" }),
  );
  assertEquals(Object.keys(folder.snapshot()), ["out.safetensors"]);
});

Deno.test("execute() carries tensors that are longer than a chunk and a turn", async () => {
  using folder = new TempFolder();
  // 70 MiB: more than one chunk of 4 MiB, more than the 64 MiB between turns, no multiple of both.
  const period = new Uint8Array(noise(1021, { seed: 4 }).buffer);
  const values = new Uint8Array(70 * 1024 * 1024 + 3).map((_, i) => period[i % period.length]!);
  const steps = [
    dataStep("a", 3, () => Promise.resolve(Uint8Array.of(1, 2, 3))),
    dataStep("b", values.byteLength, () => Promise.resolve(values)),
    dataStep("c", 1, () => Promise.resolve(Uint8Array.of(9))),
  ];
  await execute(filePlan(folder.join("first.safetensors"), steps));
  using first = await openCheckpoint(folder.join("first.safetensors"));
  assertEquals(await readTensor(first.tensors.get("b")!), values);

  const progress: [number, number, string][] = [];
  const plan = filePlan(folder.join("second.safetensors"), copySteps(first));
  const [written] = await execute(plan, {
    onProgress: (done, total, label) => progress.push([done, total, label]),
  });
  assertEquals(
    await sha256Of(folder.join("second.safetensors")),
    await sha256Of(folder.join("first.safetensors")),
  );
  assert(progress.length > 30);
  assert(
    progress.every(([done, total], i) =>
      total === written?.bytes && done >= (progress[i - 1]?.[0] ?? 0)
    ),
  );
  assertEquals(progress.at(-1)?.[0], written?.bytes);
  assertEquals(
    new Set(progress.map(([, , label]) => label)),
    new Set(["second.safetensors", "verifying second.safetensors"]),
  );
});

Deno.test("execute() lets other events run while it copies", async () => {
  using folder = new TempFolder();
  const values = new Uint8Array(80 * 1024 * 1024);
  let turns = 0;
  const timer = setInterval(() => turns++, 0);
  await execute(
    filePlan(folder.join("out"), [dataStep("w", values.length, () => Promise.resolve(values))]),
  );
  clearInterval(timer);
  assert(turns >= 2);
});

function companionPlan(folder: TempFolder, kind: "copy" | "link", from: string): Plan {
  const { size } = Deno.statSync(from);
  return {
    output: folder.join("out"),
    kind: "folder",
    inputs: [from],
    files: [{ kind, path: "sub/vocab.txt", from, byteLength: size }, bytesFile("a.json", "{}")],
  };
}

Deno.test("execute() copies whole files", async () => {
  using folder = new TempFolder();
  const from = folder.write("vocab.txt", "a\nb\n");
  const [written] = await execute(companionPlan(folder, "copy", from), { verify: true });
  assertEquals([written?.path, written?.bytes, written?.how], ["sub/vocab.txt", 4, "copied"]);
  assertEquals(written?.sha256, await sha256Of(from));
  assertEquals(await Deno.readTextFile(folder.join("out/sub/vocab.txt")), "a\nb\n");
  assert((await Deno.stat(folder.join("out/sub/vocab.txt"))).ino !== (await Deno.stat(from)).ino);
});

Deno.test("execute() links whole files where it can, through symlinks too", async () => {
  using folder = new TempFolder();
  const blob = folder.write("blob", "a\nb\n");
  await Deno.symlink("blob", folder.join("vocab.txt"));
  const plan = companionPlan(folder, "link", folder.join("vocab.txt"));
  const labels = new Set<string>();
  const options = { onProgress: (_: number, __: number, label: string) => labels.add(label) };
  const [written] = await execute(plan, { ...options, verify: true });
  // Not a byte of it is read: there is no hash, and nothing to verify.
  assertEquals(written, { path: "sub/vocab.txt", bytes: 4, how: "linked" });
  assertEquals(labels, new Set(["sub/vocab.txt", "a.json", "verifying a.json"]));
  const linked = await Deno.lstat(folder.join("out/sub/vocab.txt"));
  assertEquals([linked.isSymlink, linked.ino], [false, (await Deno.stat(blob)).ino]);
});

const otherDevice = (() => {
  try {
    const here = Deno.statSync(Deno.env.get("TMPDIR") ?? "/tmp").dev;
    return Deno.statSync("/dev/shm").dev === here ? undefined : "/dev/shm";
  } catch {
    return undefined;
  }
})();

Deno.test({
  name: "execute() copies what it cannot link, and says so",
  ignore: otherDevice === undefined,
  fn: async () => {
    using folder = new TempFolder();
    const from = `${otherDevice}/tinygraft-test-${crypto.randomUUID()}`;
    await Deno.writeTextFile(from, "far");
    try {
      const [written] = await execute(companionPlan(folder, "link", from));
      assertEquals([written?.bytes, written?.how], [3, "copied"]);
      assertEquals(await Deno.readTextFile(folder.join("out/sub/vocab.txt")), "far");
    } finally {
      await Deno.remove(from);
    }
  },
});

Deno.test("execute() replaces a file and a folder when forced", async () => {
  using folder = new TempFolder();
  const file = folder.write("m.safetensors", "old");
  const step = dataStep("w", 1, () => Promise.resolve(Uint8Array.of(1)));
  await execute(filePlan(file, [step]), { force: true });
  assertEquals(await Deno.readFile(file), tensorFile({ w: [1] }));

  folder.write("out/model-00001-of-00002.safetensors", "stale shard");
  folder.write("out/model.safetensors.index.json", "stale index");
  folder.write("out/tokenizer.json", "stale tokenizer");
  await execute(folderPlan(folder.join("out"), [step]), { force: true });
  assertEquals(Object.keys(folder.snapshot()), [
    "m.safetensors",
    "out",
    "out/config.json",
    "out/model.safetensors",
  ]);
});

Deno.test("execute() writes through a symlink to its target when forced", async () => {
  using folder = new TempFolder();
  folder.write("real/m.safetensors", "old");
  await Deno.symlink("real/m.safetensors", folder.join("link.safetensors"));
  const step = dataStep("w", 1, () => Promise.resolve(Uint8Array.of(1)));
  await execute(filePlan(folder.join("link.safetensors"), [step]), { force: true });
  assert((await Deno.lstat(folder.join("link.safetensors"))).isSymlink);
  assertEquals(await Deno.readFile(folder.join("real/m.safetensors")), tensorFile({ w: [1] }));
});

Deno.test("execute() writes a folder given with a slash at its end", async () => {
  using folder = new TempFolder();
  const step = dataStep("w", 1, () => Promise.resolve(Uint8Array.of(1)));
  await execute(folderPlan(`${folder.path}/out/`, [step]));
  assertEquals(Object.keys(folder.snapshot()), ["out", "out/config.json", "out/model.safetensors"]);
});

Deno.test("execute() writes several safetensors files, an empty one too", async () => {
  using folder = new TempFolder();
  const output = folder.join("out");
  const files = [
    tensorsFile("a.safetensors", []),
    tensorsFile("b.safetensors", [dataStep("w", 1, () => Promise.resolve(Uint8Array.of(1)))]),
  ];
  await execute({ output, kind: "folder", inputs: [], files });
  assertEquals(await Deno.readFile(`${output}/a.safetensors`), tensorFile({}));
});

Deno.test("execute() reports SHA-256 in lower-case hexadecimal when asked to verify", async () => {
  using folder = new TempFolder();
  const files = [bytesFile("", "abc")];
  const plan: Plan = { output: folder.join("abc"), kind: "file", inputs: [], files };
  const [written] = await execute(plan, { verify: true });
  assertMatch(written!.sha256!, /^ba7816bf8f01cfea414140de5dae2223b003/);
  const [again] = await execute(plan, { force: true });
  assertEquals(again, { path: "", bytes: 3, how: "written" });
});

Deno.test("execute() refuses an unsound plan before anything is written", async () => {
  using folder = new TempFolder();
  const files = [bytesFile("../escape", "x")];
  const plan: Plan = { output: folder.join("out"), kind: "folder", inputs: [], files };
  const error = await assertRejects(() => execute(plan), TinygraftError);
  assertEquals(error.code, "unsafe-file-name");
  assertEquals(folder.snapshot(), {});
});
