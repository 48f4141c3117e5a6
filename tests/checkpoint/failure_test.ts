// What is left after the executor fails: the old output or none, no half-written file anywhere,
// and inputs as they were.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { execute, type ExecuteOptions } from "../../lib/checkpoint/execute.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import type { Plan, TensorStep } from "../../lib/checkpoint/plan.ts";
import { InterruptedError, TinygraftError } from "../../lib/errors.ts";
import { TempFolder, tensorFile } from "./_disk.ts";
import { copySteps, dataStep, filePlan, folderPlan } from "./_plans.ts";

const one = dataStep("one", 1, () => Promise.resolve(Uint8Array.of(1)));
const MIB = 1024 * 1024;

/** Runs a plan that must fail, and checks that the folder is as before. */
async function fails(
  folder: TempFolder,
  plan: Plan,
  code: string,
  options: ExecuteOptions = {},
): Promise<TinygraftError> {
  const before = folder.snapshot();
  const error = await assertRejects(() => execute(plan, options), TinygraftError);
  assertEquals(error.code, code);
  assertEquals(folder.snapshot(), before);
  return error;
}

const PLANS = [["file", filePlan], ["folder", folderPlan]] as const;

for (const [kind, planOf] of PLANS) {
  Deno.test(`execute() leaves nothing when a step of a ${kind} fails`, async () => {
    using folder = new TempFolder();
    const broken = dataStep("z", 1, () => Promise.reject(new TypeError("no such head")));
    const big = dataStep("a", 9 * MIB, () => Promise.resolve(new Uint8Array(9 * MIB)));
    const plan = planOf(folder.join("out"), [big, broken]);
    const error = await assertRejects(() => execute(plan), TypeError);
    assertEquals(error.message, "no such head");
    assertEquals(folder.snapshot(), {});
  });

  Deno.test(`execute() leaves nothing when a step of a ${kind} gives another length`, async () => {
    using folder = new TempFolder();
    const short = dataStep("w", 2, () => Promise.resolve(Uint8Array.of(1)));
    const error = await fails(folder, planOf(folder.join("out"), [short]), "invalid-tensor-view");
    assertEquals(error.tensor, "w");
  });

  Deno.test(`execute() leaves nothing of a ${kind} when it is aborted in the middle`, async () => {
    using folder = new TempFolder();
    const controller = new AbortController();
    const big = dataStep("w", 20 * MIB, () => Promise.resolve(new Uint8Array(20 * MIB)));
    let last = 0;
    const plan = planOf(folder.join("out"), [big]);
    const error = await fails(folder, plan, "interrupted", {
      signal: controller.signal,
      onProgress: (done) => {
        last = done;
        if (done > 9 * MIB) controller.abort();
      },
    });
    assert(error instanceof InterruptedError);
    assert(last > 9 * MIB && last < 20 * MIB);
  });

  Deno.test(`execute() leaves nothing of a ${kind} when it is aborted while verifying`, async () => {
    using folder = new TempFolder();
    const controller = new AbortController();
    await fails(folder, planOf(folder.join("out"), [one]), "interrupted", {
      signal: controller.signal,
      onProgress: (_done, _total, label) => {
        if (label.startsWith("verifying")) controller.abort();
      },
    });
  });

  Deno.test(`execute() does not start a ${kind} once aborted`, async () => {
    using folder = new TempFolder();
    const signal = AbortSignal.abort();
    await fails(folder, planOf(folder.join("out"), [one]), "interrupted", { signal });
  });

  Deno.test(`execute() keeps the old ${kind} when replacing it fails`, async () => {
    using folder = new TempFolder();
    if (kind === "file") folder.write("out", "old");
    else folder.write("out/config.json", "old");
    const before = folder.snapshot();
    const broken = dataStep("z", 1, () => Promise.reject(new TypeError("no such head")));
    await assertRejects(
      () => execute(planOf(folder.join("out"), [broken]), { force: true }),
      TypeError,
    );
    assertEquals(folder.snapshot(), before);
  });

  Deno.test(`execute() refuses to finish a ${kind} when something took its place`, async () => {
    using folder = new TempFolder();
    const racing = dataStep("w", 1, () => {
      folder.write("out", "theirs");
      return Promise.resolve(Uint8Array.of(1));
    });
    const plan = planOf(folder.join("out"), [racing]);
    const error = await assertRejects(() => execute(plan), TinygraftError);
    assertEquals(error.code, "output-exists");
    assertEquals(Object.keys(folder.snapshot()), ["out"]);
    assertEquals(await Deno.readTextFile(folder.join("out")), "theirs");
  });

  Deno.test(`execute() notices when the disk returns other bytes for a ${kind}`, async () => {
    using folder = new TempFolder();
    const values = new Uint8Array(5 * MIB).fill(7);
    const big = dataStep("a", values.length, () => Promise.resolve(values));
    const spoiler = dataStep("b", 1, () => {
      // The first 4 MiB of "a" are in the file by now: change one byte of them.
      const staged = [...Deno.readDirSync(folder.path)].map(({ name }) => folder.join(name))[0]!;
      const path = kind === "file" ? staged : `${staged}/model.safetensors`;
      using file = Deno.openSync(path, { write: true });
      file.seekSync(2 * MIB, Deno.SeekMode.Start);
      file.writeSync(Uint8Array.of(values[2 * MIB]! ^ 255));
      return Promise.resolve(Uint8Array.of(1));
    });
    await fails(folder, planOf(folder.join("out"), [big, spoiler]), "verify-failed");
  });

  Deno.test(`execute() notices when the disk returns another header for a ${kind}`, async () => {
    using folder = new TempFolder();
    const values = new Uint8Array(5 * MIB);
    const big = dataStep("a", values.length, () => Promise.resolve(values));
    for (const byte of ["}", "x"]) {
      const spoiler = dataStep("b", 1, () => {
        const staged = [...Deno.readDirSync(folder.path)].map(({ name }) => folder.join(name))[0]!;
        const path = kind === "file" ? staged : `${staged}/model.safetensors`;
        using file = Deno.openSync(path, { write: true });
        // {"a":… becomes {"x":…, which is sound but not the plan, or {}a":…, which is not sound.
        file.seekSync(byte === "x" ? 10 : 9, Deno.SeekMode.Start);
        file.writeSync(new TextEncoder().encode(byte));
        return Promise.resolve(Uint8Array.of(1));
      });
      const plan = planOf(folder.join("out"), [big, spoiler]);
      const error = await fails(folder, plan, "verify-failed");
      assertEquals(error.path, folder.join("out"));
      assertStringIncludes(error.message, byte === "x" ? "another header" : "Cannot read");
    }
  });
}

/** Copies a checkpoint; before its last tensor, `meanwhile` happens to the input. */
async function changing(
  planOf: typeof filePlan,
  meanwhile: (path: string) => void,
): Promise<void> {
  using folder = new TempFolder();
  const path = folder.write("in.safetensors", tensorFile({ a: [1, 2, 3], z: [4, 5, 6] }));
  using input = await openCheckpoint(path);
  const [first, last] = copySteps(input) as [TensorStep, TensorStep];
  const between = dataStep("m", 1, () => {
    meanwhile(path);
    return Promise.resolve(Uint8Array.of(1));
  });
  const plan = planOf(folder.join("out"), [first, between, last], [path]);
  const error = await assertRejects(() => execute(plan), TinygraftError);
  assertEquals([error.code, error.path], ["changed-while-open", path]);
  assertEquals(Object.keys(folder.snapshot()), ["in.safetensors"]);
}

for (const [kind, planOf] of PLANS) {
  Deno.test(`execute() writes no ${kind} from an input that was cut short`, async () => {
    await changing(planOf, (path) => Deno.truncateSync(path, 20));
  });

  Deno.test(`execute() writes no ${kind} from an input that grew`, async () => {
    await changing(planOf, (path) => Deno.writeTextFileSync(path, "more", { append: true }));
  });

  Deno.test(`execute() writes no ${kind} from an input that was rewritten`, async () => {
    await changing(planOf, (path) => {
      Deno.writeFileSync(path, Deno.readFileSync(path));
      Deno.utimeSync(path, 1e9, 1e9); // the clock may be too coarse to show a quick rewrite
    });
  });

  Deno.test(`execute() writes no ${kind} from an input that was replaced`, async () => {
    await changing(planOf, (path) => {
      Deno.writeTextFileSync(`${path}.new`, "another file");
      Deno.renameSync(`${path}.new`, path);
    });
  });
}

Deno.test("execute() refuses to copy a file of another length than planned", async () => {
  using folder = new TempFolder();
  const from = folder.write("vocab.txt", "abc");
  for (const kind of ["copy", "link"] as const) {
    const files = [{ kind, path: "vocab.txt", from, byteLength: 2 }];
    const plan: Plan = { output: folder.join("out"), kind: "folder", inputs: [from], files };
    await fails(folder, plan, "changed-while-open");
  }
});

Deno.test("execute() names the output when the system does not let it write", async () => {
  // The kernel's own folders refuse new entries even to root.
  for (const output of ["/proc/tinygraft-test", "/sys/tinygraft-test"]) {
    for (const [, planOf] of PLANS) {
      const error = await assertRejects(() => execute(planOf(output, [one])), TinygraftError);
      assertEquals([error.code, error.path], ["unwritable-output", output]);
      assertStringIncludes(error.message, `Cannot write "${output}"`);
    }
  }
});
