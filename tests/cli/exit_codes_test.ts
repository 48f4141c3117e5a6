// Exit codes of every command: 0 done or passed, 1 failed, 2 called wrongly. What each command
// does on Ctrl-C (130) is in tests/end_to_end/interrupt_test.ts.

import { assertEquals } from "@std/assert";
import { COMMANDS } from "../../cli/commands.ts";
import { WRITE_TOKEN } from "../_fake_hub/accounts.ts";
import { FakeHub } from "../_fake_hub/hub.ts";
import { runCaptured } from "../_io.ts";
import { writeTinyAdapter } from "../_tiny_model.ts";
import { makeWorkspace, snapshot, type Workspace } from "../_workspace.ts";

/** Calls of one command by how they end. */
interface Calls {
  /** Exit code 0. */
  readonly done: readonly string[];
  /** Exit code 1; null for a command that cannot fail once it is called rightly. */
  readonly failed: readonly string[] | null;
  /** Exit code 2: bad values, and flags and arguments that do not go together. */
  readonly wrong: readonly (readonly string[])[];
}

/** What the calls need, beside a base, an adapter and rows. */
async function prepare(): Promise<Workspace> {
  const space = await makeWorkspace();
  const prepared = [
    ["inject", space.base, space.at("injected"), "--adapter", space.adapter],
    ["export", space.adapter, space.at("theirs.safetensors"), "--layout", "authors"],
    ["merge", space.adapter, space.at("one"), "--method", "average"],
  ];
  for (const argv of prepared) assertEquals((await runCaptured(argv)).code, 0, argv.join(" "));
  // As random as the workspace's, with one more of its eight rows right.
  await writeTinyAdapter(space.at("better"), { seed: 3 });
  await Deno.writeTextFile(space.at("cut.safetensors"), "not a checkpoint");
  await Deno.mkdir(space.at("full/inside"), { recursive: true });
  return space;
}

/** Calls that look: nothing is written. */
function looking({ base, adapter, data, at }: Workspace): Record<string, Calls> {
  const run = ["--device", "reference"];
  const same = ["--before", adapter, "--after", adapter, "--data", data];
  const [missing, broken] = [at("none"), at("cut.safetensors")];
  return {
    inspect: { done: [base], failed: [broken], wrong: [[], [base, base], [base, "--filter="]] },
    validate: { done: [base, adapter], failed: [base, broken], wrong: [[], [base, "--rtol", "1"]] },
    diff: {
      done: [base, base],
      failed: [base, adapter],
      wrong: [[base], [base, base, "--rtol", "x"]],
    },
    hash: { done: [adapter], failed: [missing], wrong: [[], [base, adapter]] },
    check: {
      done: [base, ...same, ...run],
      failed: [base, "--before", at("better"), "--after", adapter, "--data", data, ...run],
      wrong: [[base], [base, ...same, "--device", "abacus"]],
    },
    predict: {
      done: [base, "--adapter", adapter, "the cat", ...run],
      failed: [base, "--adapter", missing, "the cat", ...run],
      wrong: [[base], [base, "the cat", "--data", data], [base, "no", "--batch", "0"]],
    },
    // It fails only where no device works, and its other end takes a process without a driver.
    doctor: { done: ["--version"], failed: null, wrong: [["now"], ["--fix"]] },
    completions: { done: ["bash"], failed: null, wrong: [[], ["tcsh"]] },
  };
}

/** Calls that write; the failures are outputs that exist, and inputs that are none. */
function writing({ base, adapter, data, at }: Workspace): Record<string, Calls> {
  const [full, missing] = [at("full"), at("none")];
  const train = ["--data", data, "--epochs", "1", "--device", "reference"];
  return {
    convert: {
      done: [base, at("half"), "--dtype", "F16"],
      failed: [base, full],
      wrong: [[base], [base, at("x"), "--dtype", "F17"], [base, at("x"), "--rename", "no-sign"]],
    },
    init: {
      done: [base, at("new"), "--labels", "a,b"],
      failed: [missing, at("x"), "--labels", "a,b"],
      wrong: [[base], [base, at("x"), "--heads", "0"], [
        base,
        at("x"),
        "--labels",
        "a",
        "--regression",
      ]],
    },
    inject: {
      done: [base, at("grafted"), "--adapter", adapter],
      failed: [base, full, "--adapter", adapter],
      wrong: [[base], [base, at("x"), "--adapter", adapter, "--heads", "2"], [
        base,
        at("x"),
        "--as",
        "y",
      ]],
    },
    extract: {
      done: [at("injected"), at("extracted")],
      failed: [base, at("x")],
      wrong: [[base], [base, at("x"), "--strip"]],
    },
    import: {
      done: [at("theirs.safetensors"), at("imported"), "--base", base],
      failed: [base, at("x")],
      wrong: [[base], [base, at("x"), "--layout", "peft"]],
    },
    export: {
      done: [adapter, at("exported.safetensors"), "--layout", "nemo"],
      failed: [base, at("x"), "--layout", "nemo"],
      wrong: [[adapter, at("x")], [adapter, at("x"), "--layout", "nemo", "--base", "org/base"]],
    },
    train: {
      done: [base, at("trained"), ...train],
      failed: [base, full, ...train],
      wrong: [[base, at("x")], [base, at("x"), ...train, "--recipe", "luck"]],
    },
    merge: {
      done: [adapter, at("merged")],
      failed: [adapter, full],
      wrong: [[adapter], [adapter, at("x"), "--heads", "1.5"], [adapter, at("x"), "--data", data]],
    },
    soup: {
      done: [adapter, at("one"), at("soup")],
      failed: [adapter, missing, at("x")],
      wrong: [[adapter, at("one"), at("x"), "--weights", "1,-1"], [
        adapter,
        adapter,
        at("x"),
        "--method",
        "greedy",
      ]],
    },
  };
}

/** Calls that reach a Hub, in this order: what is pushed is pulled. */
function publishing({ adapter, at }: Workspace): Record<string, Calls> {
  return {
    card: {
      done: [adapter],
      failed: [at("none")],
      wrong: [[], [adapter, "--base", "not an id"]],
    },
    push: {
      done: [adapter, "hf://org/ad", "--create"],
      failed: [at("full"), "hf://org/full", "--create"],
      wrong: [[adapter], [adapter, "org/ad"]],
    },
    pull: {
      done: ["hf://org/ad", at("pulled")],
      failed: ["hf://org/none", at("x")],
      wrong: [["hf://org/ad"], ["hf://org/ad", at("x"), "--cache"], ["org/ad", at("x")]],
    },
  };
}

Deno.test("every command exits 0 when done, 1 when it failed and 2 when called wrongly", async () => {
  await using space = await prepare();
  await using hub = await FakeHub.start();
  const env = { HF_ENDPOINT: hub.url, HF_HOME: space.at("hf"), HF_TOKEN: WRITE_TOKEN };
  const table = { ...looking(space), ...writing(space), ...publishing(space) };
  assertEquals(
    Object.keys(table).sort(),
    COMMANDS.map(({ name }) => name).sort(),
    "a command without a row here",
  );
  const expectCode = async (want: number, argv: readonly string[]) => {
    const { code, out, err } = await runCaptured(argv, { env });
    assertEquals(code, want, `${argv.join(" ")}\n${out}${err}`);
    return { out, err };
  };
  for (const [name, { done, failed, wrong }] of Object.entries(table)) {
    const before = await snapshot(space.folder);
    const calls = [...wrong, ["--no-such-flag"]];
    for (const args of calls) {
      const { out, err } = await expectCode(2, [name, ...args]);
      assertEquals([out, err === ""], ["", false], `${name} ${args.join(" ")}`);
    }
    if (failed !== null) await expectCode(1, [name, ...failed]);
    assertEquals(await snapshot(space.folder), before, `${name} wrote although it failed`);
    await expectCode(0, [name, ...done]);
    await expectCode(0, [name, "--help"]);
  }
});
