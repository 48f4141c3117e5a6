import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { TinygraftError } from "../../lib/errors.ts";
import { parseSuite, readSuite } from "../../lib/gate/suite.ts";

const GOOD = `# Two merges of one adapter.
version: 1
defaults:
  base: mini/encoder
  before: mini/adapter
  data: dev.tsv
  max-drop: 0.005
checks:
  - name: stack
    after: stacked
    label: 1
    force: true
  - name: average
    after: /abs/averaged
    base: hf://org/name
    data: hf://datasets/org/name
    task: cola
    max-drop: 0.02
    max-drop-upper: 0.05
    limit: 100
`;

/** The faults of a text, as line:column: message. */
async function faultsOf(text: string): Promise<string[]> {
  const { suite, faults } = await readSuite(text, "t.yaml");
  assertEquals(suite === undefined, faults.length > 0);
  return faults.map(({ message, location: { file, line, column } }) => {
    assertEquals(file, "t.yaml");
    return `${line}:${column}: ${message}`;
  });
}

/** A suite with one check of some more lines. */
function check(...lines: string[]): string {
  const all = ["base: b", "before: c", "after: d", "data: e.tsv", ...lines];
  return `version: 1\nchecks:\n  - name: a\n${all.map((line) => `    ${line}\n`).join("")}`;
}

Deno.test("parseSuite() fills checks from the defaults and knows where each value stands", async () => {
  const { path, checks: [stack, average] } = await parseSuite(GOOD, "tinygraft.yaml");
  assertEquals(path, "tinygraft.yaml");
  assertEquals(
    stack?.values,
    new Map<string, string | number | boolean>([
      ["base", "mini/encoder"],
      ["before", "mini/adapter"],
      ["data", "dev.tsv"],
      ["max-drop", 0.005],
      ["after", "stacked"],
      ["label", "1"],
      ["force", true],
    ]),
  );
  assertEquals([stack?.location.line, stack?.location.column], [9, 5]);
  assertEquals(stack?.locations.get("after"), { file: "tinygraft.yaml", line: 10, column: 12 });
  assertEquals(stack?.locations.get("max-drop")?.line, 7);
  assertEquals(average?.name, "average");
  assertEquals(average?.values.get("max-drop"), 0.02);
  assertEquals(average?.values.get("task"), "cola");
  assertEquals(average?.locations.get("max-drop")?.line, 18);
});

Deno.test("parseSuite() puts relative paths behind the file's folder, and only these", async () => {
  const { checks: [stack, average] } = await parseSuite(GOOD, "../ci/tinygraft.yaml");
  assertEquals(stack?.values.get("base"), "../ci/mini/encoder");
  assertEquals(stack?.values.get("data"), "../ci/dev.tsv");
  assertEquals(average?.values.get("after"), "/abs/averaged");
  assertEquals(average?.values.get("base"), "hf://org/name");
  assertEquals(average?.values.get("task"), "cola");
});

Deno.test("parseSuite() takes aliases and other ways to write YAML", async () => {
  const text =
    `{version: 1, checks: [{name: "a", &d base: b, before: &p x, after: *p, data: 'e'}]}`;
  const { checks: [only] } = await parseSuite(text.replace("&d ", ""), "t.yaml");
  assertEquals([only?.values.get("before"), only?.values.get("after")], ["x", "x"]);
  const windows = await parseSuite(`\ufeff${GOOD.replaceAll("\n", "\r\n")}`, "t.yaml");
  assertEquals(windows.checks[1]?.locations.get("limit")?.line, 20);
});

Deno.test("parseSuite() throws all faults, each with file, line and column", async () => {
  const text = check("max-dorp: 0.1", "limit: 0");
  const error = await assertRejects(() => parseSuite(text, "ci/t.yaml"), TinygraftError);
  assertEquals([error.code, error.path], ["invalid-suite", "ci/t.yaml"]);
  assertEquals(error.message.split("\n").slice(1), [
    'ci/t.yaml:8:5: a check has the unknown key "max-dorp"; did you mean "max-drop"?',
    "ci/t.yaml:9:12: limit is 0, expected a whole number, at least 1",
  ]);
});

const FAULTS: readonly (readonly [what: string, text: string, faults: readonly string[]])[] = [
  ["an empty file", "", ["1:1: the file is empty, expected keys and values"]],
  ["a list", "- a\n", ["1:1: the file is a list, expected keys and values"]],
  ["no version", check().replace("version: 1\n", ""), [
    "1:1: the file states no version, expected version: 1",
  ]],
  ["a later version", check().replace("version: 1", "version: 2"), [
    "1:10: version is 2, expected 1: update tinygraft",
  ]],
  ["no checks", "version: 1\n", [
    "1:1: the file has no checks, expected a list of them under checks",
  ]],
  ["an empty list", "version: 1\nchecks: []\n", [
    "2:9: checks is no list of checks, expected at least one",
  ]],
  ["checks by name", "version: 1\nchecks:\n  a: {}\n", [
    "3:3: checks is no list of checks, expected at least one",
  ]],
  ["a check that is text", "version: 1\nchecks:\n  - a\n", [
    '3:5: a check is "a", expected keys and values',
  ]],
  ["an unknown section", `${check()}check: []\n`, [
    '8:1: the file has the unknown key "check"; did you mean "checks"?',
  ]],
  ["an unknown key like none", `${check()}defaults:\n  frobnicate: x\n`, [
    '9:3: defaults has the unknown key "frobnicate", expected one of base, before, after, data, task, ' +
    "text, text-pair, label, limit, max-drop, max-drop-upper, baseline, max-regression, head, " +
    "cloze, verbalizer, device, precision, batch, max-length, force",
  ]],
  ["a missing key", check().replace("    before: c\n", ""), [
    '3:5: check "a" has no before: the adapter before the merge',
  ]],
  ["no name", check().replace("name: a", "limit: 3"), ["3:5: a check has no name"]],
  ["an empty value", check("task:"), [
    "8:10: task is empty, expected one of sst2, cola, mrpc, rte, stsb, wnli, qnli, qqp, mnli, " +
    "boolq, cb",
  ]],
  ["a misspelt choice", check("device: webgup"), [
    '8:13: device is "webgup", expected one of auto, webgpu, wasm, reference; did you mean ' +
    '"webgpu"?',
  ]],
  ["a number as text", check('max-drop: "0.1"'), [
    '8:15: max-drop is "0.1", expected a number, at least 0, at most 1',
  ]],
  ["percent", check("max-drop: 5"), [
    "8:15: max-drop is 5, expected a number, at least 0, at most 1",
  ]],
  ["not a number", check("max-drop: .nan"), [
    "8:15: max-drop is NaN, expected a number, at least 0, at most 1",
  ]],
  ["a fraction of rows", check("limit: 1.5"), [
    "8:12: limit is 1.5, expected a whole number, at least 1",
  ]],
  ["a number as path", check().replace("after: d", "after: 7"), [
    "6:12: after is 7, expected a path or an address: put it in quotes",
  ]],
  ["a list as path", check().replace("after: d", "after: [d]"), [
    "6:12: after is a list, expected a path or an address",
  ]],
  ["a regression without its baseline", check("max-regression: 0.1"), [
    '8:21: check "a" has max-regression without baseline',
  ]],
  ["half a cloze question", check("cloze: '{text} [MASK]'"), [
    '8:12: check "a" has cloze without verbalizer',
  ]],
  ["two heads", check("cloze: '{text} [MASK]'", "verbalizer: a,b", "head: base"), [
    '10:11: check "a" has both head and cloze, expected one of them',
  ]],
  ["two of one name", `${check()}${check().slice(check().indexOf("  - "))}`, [
    '8:11: the name "a" stands in line 3 too, expected another',
  ]],
  ["a key twice", check("limit: 1", "limit: 2"), ["9:5: Map keys must be unique"]],
  ["no YAML", "version: 1\nchecks: [\n", [
    "3:1: Flow sequence in block collection must be sufficiently indented and end with a ]",
  ]],
  ["a tag", check("limit: !!js 3"), [
    "8:12: Unresolved tag: tag:yaml.org,2002:js",
    '8:17: limit is "3", expected a whole number, at least 1',
  ]],
];

for (const [what, text, faults] of FAULTS) {
  Deno.test(`readSuite() places the fault of ${what}`, async () => {
    assertEquals(await faultsOf(text), faults);
  });
}

Deno.test("readSuite() lists faults in the order of the file", async () => {
  const text =
    `version: 1\nchecks:\n  - {name: a, limit: 0, tsk: x}\n  - {}\ndefaults: {batch: 0}\n`;
  const faults = await faultsOf(text);
  const lines = faults.map((fault) => Number(fault.split(":")[0]));
  assertEquals(lines, lines.toSorted((a, b) => a - b));
  assert(faults.length >= 8, faults.join("\n"));
});

Deno.test("readSuite() gives a suite or faults in the file, whatever the text", async () => {
  const pieces = [
    "*a",
    "&a ",
    "[",
    "]",
    "{",
    "}",
    ":",
    "- ",
    "? ",
    "|",
    "\n",
    "\t",
    "<<: ",
    "!!",
    "%",
  ];
  const lines = GOOD.split("\n").length;
  const edit = fc.tuple(fc.nat(GOOD.length), fc.nat(12), fc.constantFrom("", ...pieces));
  await fc.assert(
    fc.asyncProperty(fc.array(edit, { minLength: 1, maxLength: 4 }), async (edits) => {
      const text = edits.reduce(
        (text, [at, length, piece]) => text.slice(0, at) + piece + text.slice(at + length),
        GOOD,
      );
      const { suite, faults } = await readSuite(text, "t.yaml");
      assertEquals(suite === undefined, faults.length > 0);
      for (const { message, location: { line, column = 0 } } of faults) {
        assert(line >= 1 && line <= lines + 4 && column >= 1, `${line}:${column}: ${message}`);
        assert(!/[\n\r]|undefined|\[object/.test(message), message);
      }
    }),
    { seed: 9, numRuns: 300 },
  );
});
