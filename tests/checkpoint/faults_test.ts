// The outside world failing in the middle of a write: the old output or the new one is there.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { execute } from "../../lib/checkpoint/execute.ts";
import { type CheckpointFile, openCheckpoint } from "../../lib/checkpoint/open.ts";
import type { Plan, TensorStep } from "../../lib/checkpoint/plan.ts";
import { listFolder } from "../../lib/checkpoint/sources.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { layoutFile } from "../../lib/safetensors/writer.ts";
import { type ByteSource, MemorySource } from "../../lib/tensor/byte_source.ts";
import { writeTinyBert } from "../_tiny_model.ts";
import { TempFolder, tensorFile } from "./_disk.ts";
import { killRounds } from "./_kills.ts";
import { copySteps, dataStep, filePlan, folderPlan } from "./_plans.ts";

const MIB = 1024 * 1024;
const MAIN = fromFileUrl(new URL("../../cli/main.ts", import.meta.url));
const PLANS = [["file", filePlan], ["folder", folderPlan]] as const;
const isLinux = Deno.build.os === "linux";
const force = { force: true };

Deno.test("execute() leaves the old output or the new one when it is killed at any moment", async () => {
  const seed = Number(Deno.env.get("TINYGRAFT_SEED") ?? 20260);
  const report = await killRounds(15, seed);
  console.log(`seed ${seed}: ${JSON.stringify(report)}`);
  // Else the kills came too early or too late to show anything.
  assert(report.unfinished >= 3, JSON.stringify(report));
});

/** Runs a shell line; `$0` is Deno and `$1` the program. */
async function shell(line: string, ...args: string[]) {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", line, Deno.execPath(), MAIN, ...args],
  }).output();
  return { code, err: new TextDecoder().decode(stderr) };
}

/** Injects into a base of 5 MiB where less than that can be written. */
async function fullDisk(folder: TempFolder, place: string, line: string): Promise<void> {
  await writeTinyBert(folder.join("base"), { hidden: 256, intermediate: 1024 });
  await Deno.mkdir(`${place}/out`);
  await Deno.writeTextFile(`${place}/out/config.json`, "old");
  const { code, err } = await shell(line, folder.join("base"), `${place}/out`);
  assertEquals(code, 1, err);
  assertStringIncludes(err, `Error: Cannot write "${place}/out": `);
  assertEquals(listFolder(place), ["out"]);
  assertEquals(listFolder(`${place}/out`), ["config.json"]);
}

const INJECT =
  '"$0" run -A --no-check --no-code-cache "$1" inject "$2" "$3" --num-labels 2 --force';

Deno.test({
  name: "inject leaves the old output when a file grows beyond the user's limit",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    using folder = new TempFolder();
    await Deno.mkdir(folder.join("place"));
    await fullDisk(folder, folder.join("place"), `ulimit -f 4096; ${INJECT}`);
  },
});

Deno.test({
  name: "inject leaves the old output when the disk is full",
  ignore: !isLinux || Deno.uid() !== 0,
  fn: async () => {
    using folder = new TempFolder();
    const place = folder.join("small");
    await Deno.mkdir(place);
    const mounted = await shell('mount -t tmpfs -o size=3m tmpfs "$2"', place);
    if (mounted.code !== 0) return console.warn(`Not tested, as nothing can be mounted here`);
    try {
      await fullDisk(folder, place, INJECT);
    } finally {
      await shell('umount "$2"', place);
    }
  },
});

/** A source that fails from some byte on, as a bad disk does. */
class FailingSource implements ByteSource {
  readonly #good: ByteSource;

  constructor(bytes: Uint8Array, readonly failsAt: number) {
    this.#good = new MemorySource(bytes);
  }

  get byteLength(): number {
    return this.#good.byteLength;
  }

  read(begin: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    return end > this.failsAt ? Promise.reject(this.#error()) : this.#good.read(begin, end);
  }

  readInto(begin: number, target: Uint8Array): Promise<void> {
    if (begin + target.byteLength > this.failsAt) return Promise.reject(this.#error());
    return this.#good.readInto(begin, target);
  }

  #error(): TinygraftError {
    return new TinygraftError("Cannot read: input/output error", { code: "unreadable" });
  }
}

for (const [kind, planOf] of PLANS) {
  Deno.test(`execute() leaves no ${kind} when an input cannot be read in the middle`, async () => {
    using folder = new TempFolder();
    const spec = { name: "w", dtype: "U8" as const, shape: [5 * MIB] };
    const { headerBytes, tensors } = layoutFile([spec]);
    const bytes = new Uint8Array(headerBytes.byteLength + 5 * MIB);
    bytes.set(headerBytes);
    const header = {
      tensors: new Map(tensors.map((tensor) => [tensor.name, tensor])),
      metadata: new Map(),
      headerLength: headerBytes.byteLength - 8,
      dataStart: headerBytes.byteLength,
    };
    for (const failsAt of [headerBytes.byteLength, 3 * MIB, bytes.byteLength - 1]) {
      const source = new FailingSource(bytes, failsAt);
      const file: CheckpointFile = { path: "in.safetensors", header, source };
      const from = { file, ...tensors[0]! };
      const step: TensorStep = { kind: "copy", ...spec, from };
      const error = await assertRejects(
        () => execute(planOf(folder.join("out"), [step])),
        TinygraftError,
      );
      assertEquals([error.code, folder.snapshot()], ["unreadable", {}]);
    }
  });

  Deno.test(`execute() leaves no ${kind} from an input cut short while it is read ahead`, async () => {
    using folder = new TempFolder();
    const path = folder.write("in.safetensors", tensorFile({ w: new Array(4 * MIB).fill(7) }));
    using input = await openCheckpoint(path);
    let cut = false;
    const error = await assertRejects(
      () =>
        execute(planOf(folder.join("out"), copySteps(input), [path]), {
          onProgress: (done) => {
            if (!cut && done > MIB) Deno.truncateSync(path, 2 * MIB);
            cut ||= done > MIB;
          },
        }),
      TinygraftError,
    );
    assertEquals([error.code, error.path], ["changed-while-open", path]);
    assertEquals(Object.keys(folder.snapshot()), ["in.safetensors"]);
  });

  Deno.test(`execute() reports a ${kind} whose folder is removed meanwhile`, async () => {
    using folder = new TempFolder();
    await Deno.mkdir(folder.join("place"));
    const remover = dataStep("w", 1, () => {
      Deno.removeSync(folder.join("place"), { recursive: true });
      return Promise.resolve(Uint8Array.of(1));
    });
    const output = folder.join("place/out");
    const error = await assertRejects(() => execute(planOf(output, [remover])), TinygraftError);
    assertEquals([error.code, folder.snapshot()], ["unwritable-output", {}]);
  });

  Deno.test(`execute() lets one of several writers make a ${kind}, and tells the others`, async () => {
    using folder = new TempFolder();
    const outcomes = await Promise.allSettled([1, 2, 3, 4].map((i) => execute(racer(i))));
    const codes = outcomes.map((outcome) =>
      outcome.status === "fulfilled" ? "written" : (outcome.reason as TinygraftError).code
    );
    assertEquals(codes.toSorted(), ["output-exists", "output-exists", "output-exists", "written"]);
    assertOneOf(folder, [codes.indexOf("written") + 1]);

    await Promise.all([5, 6, 7, 8].map((i) => execute(racer(i), force)));
    assertOneOf(folder, [5, 6, 7, 8]);

    function racer(i: number): Plan {
      const values = new Uint8Array(2 * MIB).fill(i);
      const step = dataStep("w", values.length, async () => {
        await new Promise((resolve) => setTimeout(resolve, i % 3));
        return values;
      });
      return planOf(folder.join("out"), [step]);
    }
  });
}

/** The output is whole, as one of the writers made it, and nothing is beside it. */
function assertOneOf(folder: TempFolder, writers: readonly number[]): void {
  assertEquals(listFolder(folder.path), ["out"]);
  const isFile = Deno.statSync(folder.join("out")).isFile;
  const bytes = Deno.readFileSync(folder.join(isFile ? "out" : "out/model.safetensors"));
  const data = bytes.subarray(bytes.length - 2 * MIB);
  assert(writers.includes(data[0]!) && data.every((value) => value === data[0]));
}
