import { assertAlmostEquals, assertEquals } from "@std/assert";
import type { CheckPrediction } from "../../lib/eval/check.ts";
import {
  calibrationError,
  confidence,
  confusionCounts,
  flippedRows,
  movedRows,
  outcomeCounts,
  reliability,
  rootMeanSquare,
} from "../../lib/report/outcomes.ts";

/** Two classes: the predicted one ahead by so much. */
function row(
  index: number,
  label: number,
  [before, sureBefore]: [number, number],
  [after, sureAfter]: [number, number],
): CheckPrediction {
  const logits = (prediction: number, sure: number) => prediction === 0 ? [sure, 0] : [0, sure];
  return {
    index,
    label,
    before: { logits: logits(before, sureBefore), prediction: before },
    after: { logits: logits(after, sureAfter), prediction: after },
  };
}

const ROWS = [
  row(0, 0, [0, 2], [0, 2]),
  row(1, 0, [0, 1], [1, 1]),
  row(2, 1, [1, 1], [0, 3]),
  row(3, 1, [0, 1], [1, 1]),
  row(4, 1, [0, 2], [0, 2]),
];

Deno.test("confusionCounts() counts rows by true, then predicted class", () => {
  assertEquals(confusionCounts(ROWS, "before", 2), [[2, 0], [2, 1]]);
  assertEquals(confusionCounts(ROWS, "after", 2), [[1, 1], [2, 1]]);
});

Deno.test("outcomeCounts() adds up to all rows", () => {
  const other: CheckPrediction = {
    index: 5,
    label: 2,
    before: { logits: [1, 0, 0], prediction: 0 },
    after: { logits: [0, 1, 0], prediction: 1 },
  };
  assertEquals(outcomeCounts([...ROWS, other]), {
    bothRight: 1,
    lost: 2,
    won: 1,
    sameWrong: 1,
    otherWrong: 1,
  });
});

Deno.test("flippedRows() puts lost rows first, the surest before the others", () => {
  assertEquals(flippedRows(ROWS).map(({ index }) => index), [2, 1, 3]);
});

Deno.test("movedRows() puts the largest change first and leaves out what stayed", () => {
  const values = [[0, 0], [1, -2], [1, 1.5], [0, 3]] as const;
  const rows = values.map(([before, after], index) => ({
    index,
    label: 0,
    before: { logits: [before], prediction: before },
    after: { logits: [after], prediction: after },
  }));
  assertEquals(movedRows(rows).map(({ index }) => index), [1, 3, 2]);
  assertAlmostEquals(rootMeanSquare(rows, "before"), Math.sqrt(2 / 4));
});

Deno.test("confidence() is the softmax of the chosen class, also of large logits", () => {
  assertAlmostEquals(confidence([0, Math.log(3)]), 0.75);
  assertAlmostEquals(confidence([1000, 1000, 1000]), 1 / 3);
});

Deno.test("reliability() bins rows by confidence; their weighted gaps are the error", () => {
  // Before: confidences 0.880797 (rows 0 and 4, one right) and 0.731059 (1, 2, 3, two right).
  const bins = reliability(ROWS, "before");
  assertEquals(bins.map(({ rows }) => rows), [0, 0, 0, 0, 0, 0, 0, 3, 2, 0]);
  assertAlmostEquals(bins[8]!.confidence, 0.880797, 1e-6);
  assertEquals(bins[8]!.right, 0.5);
  assertAlmostEquals(
    calibrationError(bins),
    (2 * (0.880797 - 0.5) + 3 * (0.731059 - 2 / 3)) / 5,
    1e-6,
  );
});

Deno.test("reliability() keeps full confidence in the last bin", () => {
  assertEquals(reliability([row(0, 0, [0, 800], [0, 800])], "after")[9]!.rows, 1);
});
