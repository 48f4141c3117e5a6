import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { DataError, TinygraftError } from "../../lib/errors.ts";
import { compareOutputs, type Outputs } from "../../lib/eval/compare.ts";

const outputs = (cols: number, ...logits: number[]): Outputs => ({
  logits: Float32Array.from(logits),
  rows: logits.length / cols,
  cols,
});
const ACCURACY = { kind: "classification", metric: "accuracy", alsoReport: ["f1"] } as const;
const PEARSON = { kind: "regression", metric: "pearson", alsoReport: ["spearman"] } as const;

Deno.test("compareOutputs() reports metrics, drop, agreement and McNemar's test", () => {
  // Predicted before 1 0 1 0, after 1 1 0 0, true 1 0 1 1.
  const before = outputs(2, 0, 1, 1, 0, 0, 1, 1, 0);
  const after = outputs(2, 0, 1.5, 0, 1, 1, 0, 1, 0);
  const result = compareOutputs(before, after, Uint32Array.of(1, 0, 1, 1), ACCURACY);
  assertEquals(result.examples, 4);
  assertEquals(result.metric, "accuracy");
  assertEquals(Object.keys(result.before), ["accuracy", "f1"]);
  assertEquals(result.before.accuracy, 0.75);
  assertAlmostEquals(result.before.f1!, 4 / 5, 1e-15);
  assertEquals(result.after.accuracy, 0.25);
  assertAlmostEquals(result.after.f1!, 2 / 5, 1e-15);
  assertEquals(result.drop, 0.5);
  assertEquals(result.agreement, 0.5);
  assertEquals(result.maxLogitDifference, 1);
  assertEquals(result.significance.mcnemar, { p: 0.5, onlyBefore: 2, onlyAfter: 0 });
  const [low, high] = result.significance.interval;
  assert(low <= 0.5 && 0.5 <= high, `${low} to ${high}`);
});

Deno.test("compareOutputs() takes the drop of accuracy from counts, free of rounding", () => {
  // 85 against 84 of 100: as fractions 0.85 - 0.84 is over 0.01.
  const model = (right: number) =>
    outputs(2, ...Array.from({ length: 100 }, (_, row) => row < right ? [0, 1] : [1, 0]).flat());
  const targets = new Uint32Array(100).fill(1);
  assert(0.85 - 0.84 > 0.01);
  assertEquals(compareOutputs(model(85), model(84), targets, ACCURACY).drop, 0.01);
});

Deno.test("compareOutputs() reports correlations for regression, without McNemar's test", () => {
  const before = outputs(1, 1, 2, 3);
  const after = outputs(1, 3, 2, 1.5);
  const result = compareOutputs(before, after, Float64Array.of(0, 1, 2), PEARSON);
  assertAlmostEquals(result.before.pearson!, 1, 1e-15);
  assertAlmostEquals(result.before.spearman!, 1, 1e-15);
  assertAlmostEquals(result.after.spearman!, -1, 1e-15);
  assertAlmostEquals(result.drop, 1 - result.after.pearson!, 1e-15);
  assertAlmostEquals(result.agreement, result.after.pearson!, 1e-15); // both follow 1, 2, 3
  assertEquals(result.maxLogitDifference, 2);
  assertEquals(result.significance.mcnemar, undefined);
});

Deno.test("compareOutputs() of a model with itself drops nothing and agrees", () => {
  const classes = outputs(3, 1, 2, 3, 3, 2, 1);
  const result = compareOutputs(classes, classes, Uint32Array.of(2, 1), ACCURACY);
  assertEquals([result.drop, result.agreement, result.maxLogitDifference], [0, 1, 0]);
  assertEquals(result.significance, {
    mcnemar: { p: 1, onlyBefore: 0, onlyAfter: 0 },
    interval: [0, 0],
  });
  const constant = outputs(1, 2, 2);
  const same = compareOutputs(constant, constant, Float64Array.of(1, 2), PEARSON);
  assertEquals([same.before.pearson, same.drop, same.agreement], [0, 0, 1]);
});

Deno.test("compareOutputs() works on a single row", () => {
  const before = outputs(2, 0, 1);
  const after = outputs(2, 1, 0);
  const result = compareOutputs(before, after, Uint32Array.of(1), ACCURACY);
  assertEquals([result.drop, result.agreement], [1, 0]);
  assertEquals(result.significance.mcnemar!.p, 1);
  assertEquals(result.significance.interval, [1, 1]);
});

Deno.test("compareOutputs() refuses outputs and targets that are not finite numbers", () => {
  const good = outputs(2, 0, 1, 1, 0);
  for (const bad of [outputs(2, 0, 1, NaN, 0), outputs(2, 0, 1, 0, Infinity)]) {
    for (const [before, after] of [[good, bad], [bad, good]] as const) {
      const compare = () => compareOutputs(before, after, Uint32Array.of(1, 0), ACCURACY);
      assertEquals(assertThrows(compare, TinygraftError, "row 1").code, "non-finite");
    }
  }
  const values = outputs(1, 1, 2);
  const compare = () => compareOutputs(values, values, Float64Array.of(0, NaN), PEARSON);
  assertEquals(assertThrows(compare, TinygraftError, "row 1").code, "non-finite");
});

Deno.test("compareOutputs() refuses classifiers and targets that do not match", () => {
  const two = outputs(2, 0, 1);
  const code = (compare: () => unknown, found: string) =>
    assertThrows(compare, TinygraftError, found).code;
  const three = outputs(3, 0, 1, 2);
  const target = Uint32Array.of(1);
  assertEquals(
    code(() => compareOutputs(two, three, target, ACCURACY), "2 logits"),
    "label-mismatch",
  );
  const stray = () => compareOutputs(two, two, Uint32Array.of(2), ACCURACY);
  assertEquals(code(stray, "class 2"), "label-mismatch");
  const wide = () => compareOutputs(two, two, Float64Array.of(1), PEARSON);
  assertEquals(code(wide, "2 rows"), "label-mismatch");
  assertThrows(() => compareOutputs(two, two, Float64Array.of(1), ACCURACY), TypeError, "Float64");
});

Deno.test("compareOutputs() refuses data without rows or with unequal rows", () => {
  const none = outputs(2);
  const empty = () => compareOutputs(none, none, new Uint32Array(0), ACCURACY);
  assertEquals(assertThrows(empty, DataError, "no rows").code, "empty-data");
  const [one, two] = [outputs(2, 0, 1), outputs(2, 0, 1, 1, 0)];
  assertThrows(() => compareOutputs(one, two, Uint32Array.of(1), ACCURACY), RangeError, "2 after");
  assertThrows(() => compareOutputs(one, one, Uint32Array.of(1, 0), ACCURACY), RangeError, "2");
});
