import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { TinygraftError } from "../../lib/errors.ts";
import {
  accuracy,
  argmax,
  computeMetric,
  confusion,
  countCorrect,
  f1,
  macroF1,
  matthews,
  outputValues,
} from "../../lib/eval/metrics.ts";
import type { Metric } from "../../lib/text/tasks.ts";

const classes = (predicted: number[], targets: number[]) => ({
  kind: "classification" as const,
  predicted: Uint32Array.from(predicted),
  targets: Uint32Array.from(targets),
});

/** Six rows: TP 2, FP 1, FN 1, TN 2. */
const SIX_ROWS = classes([1, 1, 1, 0, 0, 0], [1, 1, 0, 1, 0, 0]);

Deno.test("argmax() takes the first of equal logits", () => {
  const logits = Float32Array.of(1, 3, 3, -2, -1, -1, 0, 0, 0);
  assertEquals(argmax(logits, 3, 3), Uint32Array.of(1, 1, 0));
});

Deno.test("argmax() refuses a row with NaN or infinity wherever it stands, naming the row", () => {
  for (const bad of [NaN, Infinity, -Infinity]) {
    for (const col of [0, 1]) {
      const logits = Float32Array.of(0, 1, 2, 3, 4, 5);
      logits[2 * 2 + col] = bad;
      const error = assertThrows(() => argmax(logits, 3, 2), TinygraftError, "row 2");
      assertEquals(error.code, "non-finite");
    }
  }
});

Deno.test("outputValues() widens outputs and refuses NaN", () => {
  assertEquals(outputValues(Float32Array.of(1.5, -2), 2), Float64Array.of(1.5, -2));
  const error = assertThrows(
    () => outputValues(Float32Array.of(0, NaN), 2),
    TinygraftError,
    "row 1",
  );
  assertEquals(error.code, "non-finite");
});

Deno.test("macroF1() averages the F1 of the classes that occur", () => {
  // Class 0: 2 / (2 + 1 + 1); class 1: 2 / (2 + 0 + 1); class 2: 4 / (4 + 1 + 0).
  const predicted = [0, 0, 1, 2, 2, 2];
  const found = macroF1(classes(predicted, [0, 1, 1, 2, 2, 0]));
  assertAlmostEquals(found, (2 / 4 + 2 / 3 + 4 / 5) / 3, 1e-15);
  assertEquals(macroF1(classes([0, 2], [0, 2])), 1);
  assertEquals(macroF1(classes([1, 1], [0, 0])), 0);
});

Deno.test("confusion() counts each cell with row 1 as the positive class", () => {
  assertEquals(confusion(SIX_ROWS), {
    truePositive: 2,
    falsePositive: 1,
    falseNegative: 1,
    trueNegative: 2,
  });
  // Of three classes, 0 and 2 are the rest.
  assertEquals(confusion(classes([2, 0, 1], [0, 1, 2])), {
    truePositive: 0,
    falsePositive: 1,
    falseNegative: 1,
    trueNegative: 1,
  });
});

Deno.test("accuracy(), f1() and matthews() match values worked by hand", () => {
  assertEquals(countCorrect(SIX_ROWS), 4);
  assertAlmostEquals(accuracy(SIX_ROWS), 4 / 6, 1e-15);
  assertAlmostEquals(f1(SIX_ROWS), 4 / 6, 1e-15); // 2*2 / (2*2 + 1 + 1)
  assertAlmostEquals(matthews(SIX_ROWS), 3 / 9, 1e-15); // (2*2 - 1*1) / sqrt(3*3*3*3)
  const uneven = classes([1, 1, 1, 1, 0], [1, 0, 0, 0, 0]);
  assertAlmostEquals(f1(uneven), 2 / 5, 1e-15); // TP 1, FP 3, FN 0
  assertAlmostEquals(matthews(uneven), 1 / Math.sqrt(4 * 1 * 4 * 1), 1e-15); // TN 1
});

Deno.test("matthews() is 0 when all rows are, or are predicted, of one class", () => {
  assertEquals(matthews(classes([1, 1, 1], [1, 0, 1])), 0);
  assertEquals(matthews(classes([1, 0, 1], [1, 1, 1])), 0);
  assertEquals(matthews(classes([0], [0])), 0);
});

Deno.test("f1() is 0 when no row is or is predicted positive", () => {
  assertEquals(f1(classes([0, 0], [0, 0])), 0);
  assertEquals(f1(classes([0, 2], [2, 0])), 0);
});

Deno.test("f1() and matthews() are 1 for perfect predictions and matthews() -1 for reversed", () => {
  const targets = [1, 0, 0, 1, 1];
  assertEquals(f1(classes(targets, targets)), 1);
  assertEquals(matthews(classes(targets, targets)), 1);
  assertEquals(matthews(classes(targets.map((target) => 1 - target), targets)), -1);
});

Deno.test("matthews() is Pearson's correlation of the 0/1 columns", () => {
  const rows = fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1 })), {
    minLength: 1,
    maxLength: 40,
  });
  fc.assert(
    fc.property(rows, (pairs) => {
      const predicted = pairs.map(([p]) => p);
      const targets = pairs.map(([, t]) => t);
      const asValues = {
        kind: "regression" as const,
        predicted: Float64Array.from(predicted),
        targets: Float64Array.from(targets),
      };
      const want = computeMetric("pearson", asValues);
      assertAlmostEquals(matthews(classes(predicted, targets)), want, 1e-12);
    }),
    { seed: 1, numRuns: 200 },
  );
});

Deno.test("computeMetric() does not depend on the order of rows", () => {
  const row = fc.record({
    predicted: fc.integer({ min: 0, max: 2 }),
    target: fc.integer({ min: 0, max: 2 }),
    output: fc.integer({ min: -20, max: 20 }),
    value: fc.integer({ min: 0, max: 5 }),
    key: fc.double({ noNaN: true }),
  });
  const all = (rows: { predicted: number; target: number; output: number; value: number }[]) => {
    const choices = classes(rows.map((r) => r.predicted), rows.map((r) => r.target));
    const values = {
      kind: "regression" as const,
      predicted: Float64Array.from(rows, (r) => r.output / 7),
      targets: Float64Array.from(rows, (r) => r.value / 3),
    };
    const ofChoices: Metric[] = ["accuracy", "f1", "macroF1", "matthews"];
    const ofValues: Metric[] = ["pearson", "spearman"];
    return [
      ...ofChoices.map((metric) => computeMetric(metric, choices)),
      ...ofValues.map((metric) => computeMetric(metric, values)),
    ];
  };
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 30 }), (rows) => {
      const want = all(rows);
      const found = all(rows.toSorted((a, b) => a.key - b.key));
      for (const [i, value] of found.entries()) assertAlmostEquals(value, want[i]!, 1e-12);
    }),
    { seed: 2, numRuns: 200 },
  );
});

Deno.test("computeMetric() refuses a metric of the other kind of task", () => {
  assertThrows(() => computeMetric("pearson", SIX_ROWS), TypeError, "classification");
  const values = {
    kind: "regression" as const,
    predicted: Float64Array.of(1),
    targets: Float64Array.of(1),
  };
  assertThrows(() => computeMetric("accuracy", values), TypeError, "regression");
});
