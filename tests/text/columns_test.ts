import { assertEquals } from "@std/assert";
import { findColumn, findKey, isHeader, wantedColumns } from "../../lib/text/columns.ts";

const TASK = { text: ["s", "t"], label: ["y"], headerless: { text: 3, label: 1 } };

Deno.test("wantedColumns() wants a pair only where the caller or the task has one", () => {
  assertEquals(wantedColumns({}, TASK, true).pair, undefined);
  assertEquals(wantedColumns({ textPair: "p" }, TASK, true).pair?.given, "p");
  assertEquals(wantedColumns({}, { ...TASK, textPair: ["p"] }, true).pair?.known, ["p"]);
});

Deno.test("isHeader() is false when all names given are indices", () => {
  const header = (text: string, label?: string) =>
    isHeader(["s", "y"], wantedColumns({ text, label }, undefined, true), false);
  assertEquals([header("0"), header("0", "1"), header("s", "1"), header("00")], [
    false,
    false,
    true,
    true,
  ]);
});

Deno.test("isHeader() believes a headerless task unless its names are there", () => {
  const wanted = wantedColumns({}, TASK, true);
  assertEquals(isHeader(["gj04", "1", "", "s"], wanted, true), false);
  assertEquals(isHeader(["t", "y"], wanted, true), true);
  assertEquals(isHeader(["gj04", "1"], wanted, false), true);
});

Deno.test("findColumn() and findKey() take the first of a task's names that is there", () => {
  const { text } = wantedColumns({}, TASK, true);
  assertEquals(findColumn(text, ["t", "x", "s"], 3, "d.tsv"), 2);
  assertEquals(findColumn(text, ["t", "x"], 2, "d.tsv"), 0);
  assertEquals(findColumn(text, undefined, 4, "d.tsv"), 3);
  assertEquals(findKey(text, ["t", "x"], "d.jsonl"), "t");
  // Digits name a key in JSON, where there is no order to count.
  assertEquals(findKey({ ...text, given: "0" }, ["0"], "d.jsonl"), "0");
});
