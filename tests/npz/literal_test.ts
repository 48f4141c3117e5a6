import { assertEquals, assertThrows } from "@std/assert";
import { type Literal, LiteralError, parseLiteral } from "../../lib/npz/literal.ts";

Deno.test("parseLiteral() reads what NumPy writes", () => {
  assertEquals(
    parseLiteral("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }      \n"),
    new Map<string, Literal>([["descr", "<f4"], ["fortran_order", false], ["shape", [3, 4]]]),
  );
  const cases: [string, unknown][] = [
    ["()", []],
    ["(5,)", [5]],
    ["[('a', '<f4'), (\"b\", '<i2', (2,))]", [["a", "<f4"], ["b", "<i2", [2]]]],
    ["None", null],
    [" True ", true],
    ["-12", -12],
    ["9007199254740991", 9007199254740991],
    ["7L", 7],
    ["{}", new Map()],
    ["'\"'", '"'],
  ];
  for (const [text, want] of cases) assertEquals(parseLiteral(text) as unknown, want, text);
});

Deno.test("parseLiteral() refuses everything else", () => {
  const wrong = [
    "",
    "1 2",
    "__import__('os').system('id')",
    "(1, 2",
    "(1 2)",
    "(,)",
    "{'a' 1}",
    "{1: 2}",
    "{'a': 1, 'a': 2}",
    "{'a': 1",
    "'a",
    "'\\x41'",
    "'a\nb'",
    "1.5",
    "1e3",
    "0x10",
    "true",
    "9007199254740993",
    "'a' 'b'",
    "b'a'",
    "(".repeat(100_000),
    "[".repeat(20) + "]".repeat(20),
  ];
  for (const text of wrong) assertThrows(() => parseLiteral(text), LiteralError, "Cannot read");
});
