import { assertEquals } from "@std/assert";
import plugin from "../../tools/lint_plugin.ts";

/** The rules that a source breaks, by their short names, in order of place. */
function broken(source: string, path = "lib/a.ts"): string[] {
  const found = Deno.lint.runPlugin(plugin, path, source);
  return found.sort((a, b) => a.range[0] - b.range[0]).map(({ id }) => id.split("/")[1] ?? id);
}

/** The messages of what a source breaks. */
function complaints(source: string): string[] {
  return Deno.lint.runPlugin(plugin, "lib/a.ts", source).map(({ message }) => message);
}

/** A function that takes this many lines. */
function functionOf(lines: number): string {
  return `export function f() {\n${"  step();\n".repeat(lines - 2)}}\n`;
}

Deno.test("error-message accepts the house pattern in every form of string", () => {
  assertEquals(broken('throw new RangeError("Cannot count: 3 is too many");'), []);
  assertEquals(broken('throw new TinygraftError(`Cannot read "${path}": ${why}`, { code });'), []);
  assertEquals(
    broken('throw new DataError("Cannot read " + path + `: ${n} bytes`, { code });'),
    [],
  );
  assertEquals(broken('throw new UsageError(`Unknown command "${name}"`);'), []);
  assertEquals(broken("throw new TinygraftError(message, details);"), []);
  assertEquals(broken("throw new InterruptedError();"), []);
});

Deno.test("error-message refuses lower case and other openings", () => {
  const openings = "Cannot, Unknown, Missing, Unexpected, Repeated, Bad, Interrupted";
  const want = [`An error message starts with one of: ${openings}`];
  assertEquals(complaints('throw new RangeError("cannot count");'), want);
  assertEquals(complaints("throw new RangeError(`Wrong count ${n}`);"), want);
  assertEquals(complaints('const error = new UsageError("bad " + name); throw error;'), want);
});

Deno.test("error-message refuses a full stop at the end, not within", () => {
  const want = ["An error message ends without a full stop, mark or space"];
  assertEquals(complaints('throw new RangeError("Cannot count.");'), want);
  assertEquals(complaints("throw new RangeError(`Cannot count ${n}.`);"), want);
  assertEquals(complaints('throw new RangeError("Cannot read " + name + " at all!");'), want);
  assertEquals(complaints('throw new RangeError("Cannot read config.json: none");'), []);
});

Deno.test("error-message refuses contractions, not possessives", () => {
  const want = ["An error message has no contractions"];
  assertEquals(complaints("throw new RangeError(`Cannot count: ${n} isn't right`);"), want);
  assertEquals(complaints('throw new RangeError("Cannot count: it’s gone");'), want);
  assertEquals(complaints(`throw new RangeError("Cannot count: the file's end is missing");`), []);
});

Deno.test("error-message leaves tests alone", () => {
  assertEquals(broken('throw new Error("nope.");', "tests/a_test.ts"), []);
});

Deno.test("no-bare-error refuses Error in lib and cli only", () => {
  assertEquals(broken('throw new Error("Cannot count");'), ["no-bare-error"]);
  assertEquals(broken('throw Error("Cannot count");', "cli/a.ts"), ["no-bare-error"]);
  assertEquals(broken('throw new Error("Cannot count");', "tools/a.ts"), []);
});

Deno.test("no-console spares the program's entry and the tools", () => {
  assertEquals(broken('console.log("x");'), ["no-console"]);
  assertEquals(broken("const out = console.error;", "cli/run.ts"), ["no-console"]);
  assertEquals(broken('console.log("x");', "cli/main.ts"), []);
  assertEquals(broken('console.log("x");', "tools/a.ts"), []);
});

Deno.test("no-deferred-work refuses such comments anywhere", () => {
  const word = "TO" + "DO";
  assertEquals(broken(`// ${word}: later\nf();`, "tests/a_test.ts"), ["no-deferred-work"]);
  assertEquals(broken(`/** Does it.\n * ${"FIX" + "ME"} not yet */\nf();`), ["no-deferred-work"]);
  assertEquals(broken(`const label = "${word}"; // a methodology`), []);
});

Deno.test("max-file-lines allows 400 lines and refuses 401", () => {
  assertEquals(broken("f();\n".repeat(400)), []);
  assertEquals(broken("f();\n".repeat(401)), ["max-file-lines"]);
  assertEquals(broken("f();\n".repeat(401), "tests/a_test.ts"), []);
});

Deno.test("max-function-lines allows 80 lines and refuses 81, in every form", () => {
  assertEquals(broken(functionOf(80)), []);
  assertEquals(broken(functionOf(81)), ["max-function-lines"]);
  const body = "step();\n".repeat(80);
  assertEquals(broken(`const f = () => {\n${body}};`), ["max-function-lines"]);
  assertEquals(broken(`class A { m() {\n${body}} }`), ["max-function-lines"]);
});
