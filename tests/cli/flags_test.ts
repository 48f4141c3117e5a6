import { assertEquals, assertThrows } from "@std/assert";

import { type Flag, parseCommandLine } from "../../cli/flags.ts";
import { UsageError } from "../../lib/errors.ts";

const FLAGS: readonly Flag[] = [
  { name: "force", kind: "boolean", help: "" },
  { name: "method", kind: "string", choices: ["stack", "average"], default: "stack", help: "" },
  { name: "limit", kind: "integer", min: 1, max: 10, help: "" },
  { name: "max-drop", kind: "number", min: 0, default: 0.01, help: "" },
  { name: "include", kind: "strings", help: "" },
  { name: "name", kind: "string", help: "" },
];

function parse(...argv: string[]) {
  const positionals = [{ name: "BASE", help: "the base" }, {
    name: "OUT",
    help: "the output",
    optional: true as const,
  }];
  return parseCommandLine({ name: "demo", flags: FLAGS, positionals }, argv);
}

Deno.test("parseCommandLine() gives defaults and leaves absent flags undefined", () => {
  const { args, flags } = parse("base");
  assertEquals(args, ["base"]);
  assertEquals(flags.string("method"), "stack");
  assertEquals(flags.number("max-drop"), 0.01);
  assertEquals(flags.number("limit"), undefined);
  assertEquals(flags.strings("include"), []);
  assertEquals(flags.boolean("force"), false);
  assertEquals(flags.given("method"), false);
});

Deno.test("parseCommandLine() reads flags in any place and both spellings", () => {
  const { args, flags } = parse("--force", "a", "--limit=3", "b", "--max-drop", "1e-3", "-q");
  assertEquals(args, ["a", "b"]);
  assertEquals(flags.boolean("force"), true);
  assertEquals(flags.number("limit"), 3);
  assertEquals(flags.number("max-drop"), 0.001);
  assertEquals(flags.boolean("quiet"), true);
  assertEquals(flags.given("limit"), true);
});

Deno.test("parseCommandLine() keeps digits of positionals and strings as text", () => {
  const { args, flags } = parse("007", "--name", "010");
  assertEquals(args, ["007"]);
  assertEquals(flags.string("name"), "010");
});

Deno.test("parseCommandLine() collects repeated flags only where they may be repeated", () => {
  const { flags } = parse("a", "--include", "x", "--include", "y");
  assertEquals(flags.strings("include"), ["x", "y"]);
  assertThrows(() => parse("a", "--name", "x", "--name", "y"), UsageError, "takes one value");
});

Deno.test("parseCommandLine() takes any number of the positional that may be repeated", () => {
  const positionals = [{ name: "IN", help: "an input", many: true as const }, {
    name: "OUT",
    help: "the output",
  }];
  const declared = { name: "demo", flags: FLAGS, positionals };
  assertEquals(parseCommandLine(declared, ["a", "b", "c", "out"]).args, ["a", "b", "c", "out"]);
  assertThrows(() => parseCommandLine(declared, ["a"]), UsageError, "Missing OUT");
});

for (
  const [argv, message] of [
    [["a", "--frce"], 'did you mean "--force"'],
    [["a", "--limit", "0"], "at least 1"],
    [["a", "--limit", "11"], "at most 10"],
    [["a", "--limit", "2.5"], "a whole number"],
    [["a", "--limit", "many"], "a whole number"],
    [["a", "--limit", "-1"], 'Bad value "-1" of --limit'],
    [["a", "--max-drop", "-0.5"], "at least 0"],
    [["a", "- text"], "go after --"],
    [["a", "--max-drop", "NaN"], "a number"],
    [["a", "--max-drop", "Infinity"], "a number"],
    [["a", "--method", "mean"], "expected one of stack, average"],
    [["a", "--name"], "Missing value of --name"],
    [["a", "--name="], "Missing value of --name"],
    [[], "Missing BASE"],
    [["a", "b", "c"], 'Unexpected argument "c"'],
    [["a", "-x"], 'Unknown flag "-x"'],
  ] as const
) {
  Deno.test(`parseCommandLine() refuses ${JSON.stringify(argv)}`, () => {
    assertThrows(() => parse(...argv), UsageError, message);
  });
}

Deno.test("parseCommandLine() takes what follows -- for arguments", () => {
  assertEquals(parse("a", "--", "--force").args, ["a", "--force"]);
});
