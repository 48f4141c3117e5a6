import { assertEquals } from "@std/assert";
import {
  formatBytes,
  formatCountOf,
  formatNumber,
  formatSeconds,
  formatShare,
  formatTable,
  printable,
  sparkline,
} from "../../cli/format.ts";

Deno.test("formatCountOf() has an s but for one", () => {
  assertEquals([0, 1, 2, 1234].map((count) => formatCountOf(count, "row")), [
    "0 rows",
    "1 row",
    "2 rows",
    "1,234 rows",
  ]);
});

Deno.test("formatBytes() uses decimal units and rolls over at a thousand", () => {
  assertEquals([0, 999, 1000, 999_949, 999_950, 2.5e9].map(formatBytes), [
    "0 B",
    "999 B",
    "1.0 kB",
    "999.9 kB",
    "1.0 MB",
    "2.5 GB",
  ]);
});

Deno.test("formatSeconds() shows two units and never sixty of one", () => {
  assertEquals([0.04, 9.96, 59.7, 60, 119.7, 3599.9, 3725].map(formatSeconds), [
    "0.0 s",
    "10.0 s",
    "1 min 0 s",
    "1 min 0 s",
    "2 min 0 s",
    "1 h 0 min",
    "1 h 2 min",
  ]);
});

Deno.test("formatShare() keeps two digits of small shares", () => {
  assertEquals([0.000492, 0.0068, 0.5, 1].map(formatShare), [
    "0.049 %",
    "0.68 %",
    "50.0 %",
    "100.0 %",
  ]);
});

Deno.test("formatNumber() keeps integers whole and four digits of the rest", () => {
  assertEquals([0, -12345, 2n ** 63n, null, 1 / 3, -1.00001, 6.02e23].map(formatNumber), [
    "0",
    "-12345",
    "9223372036854775808",
    "-",
    "0.3333",
    "-1",
    "6.02e+23",
  ]);
});

Deno.test("sparkline() shows anything at all, and blanks where there is nothing", () => {
  assertEquals(sparkline([0, 1, 400, 800]), "| ▁▄█|");
  assertEquals(sparkline([0, 0]), "|  |");
});

Deno.test("formatTable() aligns columns by display width without trailing spaces", () => {
  const text = formatTable(["a", "n"], [["天", "1"], ["bcd", "10"]], ["left", "right"]);
  assertEquals(text, "a     n\n天    1\nbcd  10");
});

Deno.test("printable() escapes control and direction characters", () => {
  assertEquals(printable("a\x1b[2Jb\u202ec\n"), "a\\u001b[2Jb\\u202ec\\u000a");
});
