import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  kindOf,
  narrow,
  parseSummary,
  runGroup,
  splitArguments,
  sum,
} from "../../tools/test_runner.ts";

/** Runs files as a group of tests in a temporary folder; also returns what was shown. */
async function runTree(
  files: Record<string, string>,
  { args = ["test", "-A", "--no-config"], mayAbort = false }: {
    args?: string[];
    mayAbort?: boolean;
  } = {},
) {
  const folder = await Deno.makeTempDir();
  try {
    const paths = Object.keys(files).map((name) => `${folder}/${name}`);
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    const command = [Deno.execPath(), ...args, ...paths];
    let shown = "";
    const tally = await runGroup({ name: "some tests", command, mayAbort }, (chunk) => {
      shown += new TextDecoder().decode(chunk);
    }, "null");
    return { tally, shown };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const OK = "ok | 3 passed | 0 failed (5ms)";
const SCRIPT = ["run", "-A", "--no-config"];

Deno.test("kindOf() sorts test files by what they need", () => {
  assertEquals(kindOf("tests/a/b_test.ts"), "main");
  assertEquals(kindOf("tests/compute/webgpu/device_test.ts"), "gpu");
  assertEquals(kindOf("tests/runtime/encoder_gpu_test.ts"), "gpu");
  assertEquals(kindOf("tests/runtime/encoder_test.ts"), "compute");
  assertEquals(kindOf("tests/compute/wasm/ops_test.ts"), "compute");
  assertEquals(kindOf("tests/browser/page_browser_test.ts"), "browser");
  assertEquals(kindOf("tests/interop/safetensors_test.ts"), "interop");
  assertEquals(kindOf("tests/real/goldens_gpu_test.ts"), "real");
});

Deno.test("splitArguments() tells flags, paths and words apart", () => {
  const isPath = (arg: string) => arg.startsWith("tests") || arg.startsWith("./");
  const split = (...args: string[]) => splitArguments(args, isPath);
  assertEquals(split(), { paths: [], flags: [] });
  assertEquals(split("tests/a/", "./lib"), { paths: ["tests/a", "lib"], flags: [] });
  assertEquals(split("--fail-fast", "merge"), {
    paths: [],
    flags: ["--fail-fast", "--filter=merge"],
  });
  assertEquals(split("--filter", "merge"), { paths: [], flags: ["--filter=merge"] });
  assertEquals(split("fold", "average").flags, ["--filter=/fold|average/"]);
});

Deno.test("narrow() keeps the named files and those under the named folders", () => {
  const files = ["tests/a/x_test.ts", "tests/ab/y_test.ts", "tests/c_test.ts"];
  assertEquals(narrow(files, []), files);
  assertEquals(narrow(files, ["tests/a"]), ["tests/a/x_test.ts"]);
  assertEquals(narrow(files, ["tests/c_test.ts", "tests/ab"]), files.slice(1));
});

Deno.test("parseSummary() reads plain and coloured lines, steps, and the last of several", () => {
  assertEquals(parseSummary(OK), { passed: 3, failed: 0 });
  assertEquals(parseSummary("x\n\nFAILED | 12 passed (4 steps) | 1 failed | 2 ignored (1s)\n"), {
    passed: 12,
    failed: 1,
  });
  const coloured = "\x1b[0m\x1b[32mok\x1b[0m | 2 passed (1 step) | 0 failed \x1b[0m(3ms)\x1b[0m";
  assertEquals(parseSummary(coloured), { passed: 2, failed: 0 });
  assertEquals(parseSummary(`${OK}\nok | 4 passed | 0 failed (1ms)`)?.passed, 4);
  assertEquals(parseSummary("all is ok | 3 passed | 0 failed"), undefined);
  assertEquals(parseSummary(""), undefined);
});

Deno.test("sum() adds tallies up", () => {
  assertEquals(sum([]), { passed: 0, failed: 0 });
  const tallies = [{ passed: 2, failed: 1 }, { passed: 3, failed: 0 }];
  assertEquals(sum(tallies), { passed: 5, failed: 1 });
});

Deno.test("runGroup() counts the tests of a real run", async () => {
  const { tally, shown } = await runTree({
    "a_test.ts": `Deno.test("a", () => {}); Deno.test("b", () => { throw 1; });`,
    "b_test.ts": `Deno.test("c", async (t) => { await t.step("d", () => {}); });`,
  });
  assertEquals(tally, { passed: 2, failed: 1 });
  assertStringIncludes(shown, "FAILED | 2 passed");
});

Deno.test("runGroup() counts a file that does not load as a failure", async () => {
  const { tally } = await runTree({ "a_test.ts": `throw new Error("at load");` });
  assertEquals(tally, { passed: 0, failed: 1 });
});

Deno.test("runGroup() counts a file that does not type-check as a failure", async () => {
  const { tally } = await runTree({ "a_test.ts": `const a: number = "text"; export { a };` });
  assertEquals(tally, { passed: 0, failed: 1 });
});

/** A script that prints a summary and aborts, the first time only or each time. */
function aborting({ summary, always }: { summary: string; always: boolean }): string {
  return `
    const ran = import.meta.dirname + "/ran";
    let again = false;
    try { Deno.statSync(ran); again = true; } catch { Deno.writeTextFileSync(ran, ""); }
    console.log(again ? "ok | 5 passed | 0 failed (1ms)" : ${JSON.stringify(summary)});
    if (${always} || !again) Deno.kill(Deno.pid, "SIGABRT");`;
}

Deno.test("runGroup() runs a group once more that aborted after passing", async () => {
  const script = aborting({ summary: OK, always: false });
  const { tally, shown } = await runTree({ "a.ts": script }, { args: SCRIPT, mayAbort: true });
  assertEquals(tally, { passed: 5, failed: 0 });
  assertStringIncludes(shown, "some tests: passed, then aborted while ending (exit code 134)");
});

Deno.test("runGroup() fails a group that aborts twice", async () => {
  const script = aborting({ summary: OK, always: true });
  const { tally, shown } = await runTree({ "a.ts": script }, { args: SCRIPT, mayAbort: true });
  assertEquals(tally, { passed: 5, failed: 1 });
  assertEquals(shown.split("run once more").length, 2);
});

Deno.test("runGroup() fails an abort of a group that may not abort", async () => {
  const script = aborting({ summary: OK, always: false });
  const { tally, shown } = await runTree({ "a.ts": script }, { args: SCRIPT });
  assertEquals(tally, { passed: 3, failed: 1 });
  assert(!shown.includes("run once more"));
});

Deno.test("runGroup() does not repeat an abort without a good summary", async () => {
  for (const [summary, passed] of [["half-way", 0], ["FAILED | 2 passed | 1 failed", 2]] as const) {
    const script = aborting({ summary, always: false });
    const { tally, shown } = await runTree({ "a.ts": script }, { args: SCRIPT, mayAbort: true });
    assertEquals(tally, { passed, failed: 1 });
    assert(!shown.includes("run once more"));
  }
});

Deno.test("runGroup() repeats nothing for another exit code after a good summary", async () => {
  const script = `console.log(${JSON.stringify(OK)}); Deno.exit(3);`;
  const { tally, shown } = await runTree({ "a.ts": script }, { args: SCRIPT, mayAbort: true });
  assertEquals(tally, { passed: 3, failed: 1 });
  assertStringIncludes(shown, "exit code 3 after a summary without failures");
});

Deno.test("runGroup() counts a silent end as a failure", async () => {
  const { tally, shown } = await runTree({ "a.ts": "Deno.exit(0);" }, { args: SCRIPT });
  assertEquals(tally, { passed: 0, failed: 1 });
  assertStringIncludes(shown, "no summary");
});
