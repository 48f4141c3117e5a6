import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError } from "../../lib/errors.ts";
import type { Row } from "../../lib/text/dataset.ts";
import { findTask } from "../../lib/text/tasks.ts";
import {
  countClasses,
  describeClasses,
  describeImbalance,
  resolveClassifier,
} from "../../lib/train/labels.ts";

function rows(labels: readonly (string | number)[]): Row[] {
  return labels.map((label, i) => ({ text: "", label, line: i + 2 }));
}

const path = "train.csv";
const labelsOf = (labels: readonly (string | number)[]) =>
  resolveClassifier({ rows: rows(labels), path }).task.labels;

Deno.test("resolveClassifier() orders labels in a way that the rows' order does not change", () => {
  assertEquals(labelsOf(["b", "a", "b", "C", "C", "a"]), ["C", "a", "b"]);
  assertEquals(labelsOf(["10", 9, "2", 10, "2", "9"]), ["2", "9", "10"]);
  assertEquals(labelsOf(["10", "9", "x", "10", "9", "x"]), ["10", "9", "x"]);
  assertEquals(labelsOf([-1, 1, 1, -1]), ["-1", "1"]);
});

Deno.test("resolveClassifier() takes what was stated first, then the task, then the rows", () => {
  const three = rows(["x", "y", "z", "x", "y", "z"]);
  const stated = {
    task: { type: "classification", labels: ["bad", "good"] },
    numLabels: 2,
  } as const;
  const sst2 = findTask("sst2");
  assertEquals(resolveClassifier({ stated, task: sst2, rows: three, path }), {
    task: { type: "classification", labels: ["bad", "good"], dataset: "glue/sst2" },
    numLabels: 2,
    inferred: false,
  });
  assertEquals(resolveClassifier({ task: sst2, rows: three, path }).task.labels, ["0", "1"]);
  const found = resolveClassifier({ rows: three, path });
  assertEquals([found.numLabels, found.inferred, found.task.dataset], [3, true, undefined]);
});

Deno.test("resolveClassifier() makes one output for a task of scores, and names its data set", () => {
  const { task, numLabels } = resolveClassifier({ task: findTask("stsb"), rows: [], path });
  assertEquals([task, numLabels], [
    { type: "regression", labels: null, dataset: "glue/stsb" },
    1,
  ]);
  const cb = resolveClassifier({ task: findTask("cb"), rows: [], path });
  assertEquals(cb.task.dataset, "super_glue/cb");
});

Deno.test("resolveClassifier() refuses labels that are no classes, and says what to do", () => {
  for (
    const [labels, code, says] of [
      [["a", "a", "a"], "one-class", 'every row has the label "a"'],
      [["1.5", "2.25", "1.5", "0.5"], "label-mismatch", "give --regression"],
      [["one", "two", "three", "four"], "label-mismatch", "4 different labels in 4 rows"],
    ] as const
  ) {
    const error = assertThrows(() => labelsOf(labels), DataError, says);
    assertEquals([error.code, error.path], [code, path]);
  }
});

Deno.test("countClasses() counts by the classifier's rows and refuses a single class", () => {
  const counts = countClasses(new Uint32Array([1, 1, 0, 1]), ["no", "yes", "maybe"], 3, path);
  assertEquals(counts, [
    { label: "no", rows: 1 },
    { label: "yes", rows: 3 },
    { label: "maybe", rows: 0 },
  ]);
  assertEquals(countClasses(new Uint32Array([1, 0]), null, 2, path)[1], { label: "1", rows: 1 });
  const error = assertThrows(
    () => countClasses(new Uint32Array([1, 1]), ["no", "yes"], 2, path),
    DataError,
    'every row has the label "yes"',
  );
  assertEquals(error.code, "one-class");
});

Deno.test("describeImbalance() speaks of classes below 5 % and of what the commonest gives", () => {
  const counts = [{ label: "no", rows: 96 }, { label: "yes", rows: 4 }];
  assertEquals(
    describeImbalance(counts),
    'Rare classes among 100 rows: "yes" 4; always answering "no" is right in 96.0 % of them',
  );
  assertEquals(
    describeImbalance([{ label: "no", rows: 95 }, { label: "yes", rows: 5 }]),
    undefined,
  );
});

Deno.test("describeImbalance() asks for half an even share where there are many classes", () => {
  const even = Array.from({ length: 40 }, (_, i) => ({ label: `c${i}`, rows: 10 }));
  assertEquals(describeImbalance(even), undefined);
  const uneven = even.map((count, i) => i < 10 ? { ...count, rows: 4 - i % 3 } : count);
  const text = describeImbalance(uneven)!;
  assertStringIncludes(text, '"c2" 2, "c5" 2, "c8" 2, "c1" 3');
  assertStringIncludes(text, "and 2 more");
});

Deno.test("describeClasses() lists the first classes in the classifier's order", () => {
  const counts = Array.from({ length: 10 }, (_, i) => ({ label: `c${i}`, rows: i }));
  assertEquals(describeClasses(counts.slice(0, 2)), '2 classes: "c0" 0, "c1" 1');
  assertStringIncludes(describeClasses(counts), '"c7" 7 and 2 more');
});
