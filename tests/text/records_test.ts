import { assertEquals, assertThrows } from "@std/assert";
import { DataError } from "../../lib/errors.ts";
import { readCsv, readJsonl, readTsv } from "../../lib/text/records.ts";

Deno.test("readTsv() keeps fields as they stand, empty ones too", () => {
  assertEquals(readTsv('\ufeffa\t"b\t\r\n \t\tc"', "d.tsv"), [
    { fields: ["a", '"b', ""], line: 1 },
    { fields: [" ", "", 'c"'], line: 2 },
  ]);
  // Of a single column, an empty line is an empty text.
  assertEquals(readTsv("a\n\n", "d.tsv").map((row) => row.line), [1, 2]);
});

Deno.test("readCsv() counts the lines within quoted fields", () => {
  const rows = readCsv('a,b\n"1\n2","3\r\n\r\n4"\n5,6\n', "d.csv");
  assertEquals(rows.map((row) => row.line), [1, 2, 6]);
  assertEquals(rows[1]?.fields, ["1\n2", "3\n\n4"]);
});

Deno.test("readCsv() names the line on which a quote is opened and never closed", () => {
  const text = 'a,b\nfine,0\n"open,1\nmore,0\nmore,1\n';
  assertThrows(() => readCsv(text, "d.csv"), DataError, 'Cannot read "d.csv" line 3');
});

Deno.test("readJsonl() reads one object a line", () => {
  const rows = readJsonl('{"a":1}\r\n {"__proto__":2} ', "d.jsonl");
  assertEquals(rows.map(({ line }) => line), [1, 2]);
  assertEquals(Object.keys(rows[1]?.value ?? {}), ["__proto__"]);
  for (const line of ["null", "3", "[]", '"a"', "{}{}", "{'a':1}"]) {
    assertThrows(() => readJsonl(line, "d.jsonl"), DataError, 'Cannot read "d.jsonl" line 1');
  }
});
