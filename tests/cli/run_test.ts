import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { COMMANDS } from "../../cli/commands.ts";
import { VERSION } from "../../lib/version.ts";
import { runCaptured, runJson } from "../_io.ts";

Deno.test("run() prints the version on stdout", async () => {
  const { code, out, err } = await runCaptured(["--version"]);
  assertEquals([code, out, err], [0, `${VERSION}\n`, ""]);
});

Deno.test("run() lists every command with --help", async () => {
  const { code, out } = await runCaptured(["--help"]);
  assertEquals(code, 0);
  for (const { name, summary } of COMMANDS) {
    assertStringIncludes(out, `  ${name} `);
    assertStringIncludes(out, summary);
  }
});

Deno.test("run() gives every command a help with its flags and two examples", async () => {
  for (const command of COMMANDS) {
    const byHelp = await runCaptured(["help", command.name]);
    const byFlag = await runCaptured([command.name, "--help"]);
    assertEquals(byHelp, byFlag);
    assertEquals(byHelp.code, 0);
    for (const flag of command.flags) assertStringIncludes(byHelp.out, `--${flag.name}`);
    assert(command.examples.length >= 2, command.name);
    for (const { line } of command.examples) assertStringIncludes(byHelp.out, line);
    assert(byHelp.out.split("\n").every((line) => line.length <= 110), command.name);
  }
});

Deno.test("run() without a command shows help on stderr and exits 2", async () => {
  const { code, out, err } = await runCaptured([]);
  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, "Usage: tinygraft COMMAND");
});

Deno.test("run() suggests a command for a misspelt one", async () => {
  const { code, out, err } = await runCaptured(["mrege"]);
  assertEquals([code, out], [2, ""]);
  assertStringIncludes(err, 'did you mean "merge"');
});

Deno.test("run() refuses commands and methods that are not there", async () => {
  const unknown = await runCaptured(["quantize", "x", "y"]);
  assertEquals(unknown.code, 2);
  assertStringIncludes(unknown.err, "Unknown command");
  const { code, err } = await runCaptured(["merge", "a", "b", "--method", "anneal"]);
  assertEquals(code, 2);
  assertStringIncludes(err, "expected one of stack, average, aligned, product, distil");
});

Deno.test("run() with --json prints one document on stdout for a failure", async () => {
  const { code, json } = await runJson(["inspect", "/no/such/place"]);
  assertEquals(code, 1);
  const error = json.error as Record<string, string>;
  assertEquals(Object.keys(json), ["error"]);
  assertEquals(error.code, "not-found");
  assertStringIncludes(error.message!, "/no/such/place");
});

Deno.test("run() with --json reports wrong calls the same way", async () => {
  const { code, json } = await runJson(["merge", "only-one"]);
  assertEquals(code, 2);
  assertEquals((json.error as Record<string, string>).code, "usage");
});

Deno.test("run() shows a stack only when TINYGRAFT_DEBUG=1", async () => {
  const plain = await runCaptured(["inspect", "/no/such/place"]);
  const debug = await runCaptured(["inspect", "/no/such/place"], {
    env: { TINYGRAFT_DEBUG: "1" },
  });
  assert(!plain.err.includes("    at "));
  assert(debug.err.includes("    at "));
});

Deno.test("run() exits 130 when the signal is aborted", async () => {
  const controller = new AbortController();
  controller.abort();
  const argv = ["check", "fixtures/mini/encoder", "--data", "fixtures/mini/data/dev.tsv"];
  const { code, out } = await runCaptured([
    ...argv,
    ...["--before", "fixtures/mini/adapter", "--after", "fixtures/mini/adapter"],
    ...["--device", "reference"],
  ], { signal: controller.signal });
  assertEquals([code, out], [130, ""]);
});

Deno.test("completions print a script that names every command", async () => {
  for (const shell of ["bash", "zsh", "fish"]) {
    const { code, out } = await runCaptured(["completions", shell]);
    assertEquals(code, 0);
    for (const { name } of COMMANDS) assertStringIncludes(out, name);
  }
  assertEquals((await runCaptured(["completions", "tcsh"])).code, 2);
});

Deno.test("run() takes the flags of every command before it too", async () => {
  const { code, out } = await runCaptured(["--json", "-q", "inspect", "/no/such/place"]);
  assertEquals([code, JSON.parse(out).error.code], [1, "not-found"]);
});

Deno.test("run() gives help and version as JSON when asked", async () => {
  for (const argv of [["--version"], ["init", "--version"]]) {
    assertEquals((await runJson(argv)).json, { version: VERSION });
  }
  assertEquals(JSON.parse((await runCaptured(["--json", "--version"])).out), { version: VERSION });
  for (const argv of [["--help"], ["help"], ["help", "init"], ["init", "--help"]]) {
    const { code, json } = await runJson(argv);
    assertEquals([code, Object.keys(json)], [0, ["help"]]);
  }
});

Deno.test("help takes one command and the flags of every command, and nothing else", async () => {
  const plain = await runCaptured(["help"]);
  for (const argv of [["help", "help"], ["help", "-h"], ["--help", "help"]]) {
    assertEquals(await runCaptured(argv), plain);
  }
  for (const argv of [["help", "--nosuch"], ["help", "merge", "check"], ["help", "mrege"]]) {
    assertEquals((await runCaptured(argv)).code, 2, argv.join(" "));
  }
});

Deno.test("run() suggests only what is alike", async () => {
  assert(!(await runCaptured(["foo"])).err.includes("did you mean"));
  assert((await runCaptured(["inspct"])).err.includes('did you mean "inspect"?'));
});
