import { assertEquals, assertThrows } from "@std/assert";
import { DataError } from "../../lib/errors.ts";
import type { Row } from "../../lib/text/dataset.ts";
import { labelIndices, labelValues } from "../../lib/text/labels.ts";
import { findTask } from "../../lib/text/tasks.ts";

/** Rows with these labels, on lines from 2 on. */
function rows(...labels: (string | number | undefined)[]): Row[] {
  return labels.map((label, i) => ({
    text: "",
    line: i + 2,
    ...(label !== undefined && { label }),
  }));
}

/** Asserts that the labels are refused with this code and message. */
function fails(run: () => unknown, code: string, message: string) {
  const error = assertThrows(run, DataError, message);
  assertEquals([error.code, error.path], [code, "d.tsv"]);
}

const path = "d.tsv";
const indices = (found: Row[], labels: string[], task?: string) => [
  ...labelIndices(found, labels, { path, task: task === undefined ? undefined : findTask(task) }),
];

Deno.test("labelIndices() reads the classifier's own labels by name, whatever their order", () => {
  assertEquals(indices(rows("b", "a"), ["a", "b"]), [1, 0]);
  const swapped = ["not_entailment", "entailment"];
  assertEquals(indices(rows("entailment", "not_entailment"), swapped, "rte"), [1, 0]);
  assertEquals(indices(rows("1", 0), ["1", "0"], "sst2"), [0, 1]);
});

Deno.test("labelIndices() reads the task's spellings by class order when names differ", () => {
  assertEquals(indices(rows("0", 1, "positive"), ["negative", "positive"], "sst2"), [0, 1, 1]);
  assertEquals(indices(rows("contradiction"), ["LABEL_0", "LABEL_1", "LABEL_2"], "mnli"), [2]);
  assertEquals(indices(rows("true", "false"), ["no", "yes"], "boolq"), [1, 0]);
});

Deno.test("labelIndices() looks past case and hyphens before it goes by the task's order", () => {
  // Published models for MNLI count the other way round than the task does.
  const labels = ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"];
  const rows = ["entailment", "neutral", "contradiction", "NEUTRAL"]
    .map((label, i) => ({ text: "a", label, line: i + 1 }));
  const options = { path: "dev.tsv", task: findTask("mnli") };
  assertEquals([...labelIndices(rows, labels, options)], [2, 1, 0, 1]);
  const ids = [0, 1, 2].map((label, i) => ({ text: "a", label, line: i + 1 }));
  assertEquals([...labelIndices(ids, labels, options)], [2, 1, 0]);
});

Deno.test("labelIndices() reads class ids where no label is a number", () => {
  assertEquals(indices(rows(1, "0", "2"), ["x", "y", "z"]), [1, 0, 2]);
  // Ids count the task's labels: 0 is entailment, which this classifier has in row 1.
  assertEquals(indices(rows(0, 1), ["not_entailment", "entailment"], "rte"), [1, 0]);
  fails(() => indices(rows("2"), ["1", "3", "5"]), "unknown-label", "1, 3, 5");
});

Deno.test("labelIndices() names the line of an unknown or absent label", () => {
  fails(() => indices(rows("a", "c"), ["a", "b"]), "unknown-label", 'line 3: label "c"');
  for (const label of ["-1", 2, 0.5, "01", " a", "A"]) {
    fails(() => indices(rows(label), ["a", "b"]), "unknown-label", "line 2");
  }
  fails(
    () => indices(rows("a", undefined), ["a", "b"]),
    "malformed-row",
    "line 3: it has no label",
  );
});

Deno.test("labelIndices() refuses a task whose labels do not fit the classifier", () => {
  const three = ["a", "b", "c"];
  fails(
    () => indices(rows("1"), three, "sst2"),
    "label-mismatch",
    "task SST-2 has the labels 0, 1",
  );
  const half = ["entailment", "other"];
  fails(() => indices(rows("entailment"), half, "rte"), "label-mismatch", "entailment, other");
});

Deno.test("labelValues() reads decimal numbers", () => {
  assertEquals([...labelValues(rows("4.750", 3, "-.5", "1e-2", "0"), { path })], [
    4.75,
    3,
    -0.5,
    0.01,
    0,
  ]);
});

Deno.test("labelValues() refuses what is not a finite number", () => {
  for (const label of ["", "x", "0x10", "1 ", "NaN", "Infinity", "1e999", NaN]) {
    fails(() => labelValues(rows(0, label), { path }), "malformed-row", "line 3");
  }
  fails(() => labelValues(rows(undefined), { path }), "malformed-row", "it has no label");
});
