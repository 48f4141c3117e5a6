import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { metricIntervals } from "../../lib/report/intervals.ts";
import { noise } from "../_noise.ts";

Deno.test("metricIntervals() is near the normal interval of an accuracy", () => {
  const rows = 1000;
  // Four rows of five right.
  const logits = Float32Array.from({ length: 2 * rows }, (_, i) => i % 2);
  const targets = Uint32Array.from({ length: rows }, (_, row) => (row % 5 === 0 ? 0 : 1));
  const { accuracy } = metricIntervals({ logits, rows, cols: 2 }, targets, {
    kind: "classification",
    metric: "accuracy",
    alsoReport: [],
  });
  const half = 1.96 * Math.sqrt((0.8 * 0.2) / rows);
  assertAlmostEquals(accuracy![0], 0.8 - half, 0.004);
  assertAlmostEquals(accuracy![1], 0.8 + half, 0.004);
});

Deno.test("metricIntervals() gives every metric asked for, holding the metric itself", () => {
  const logits = Float32Array.of(2, 0, 0, 1, 0, 3, 1, 0, 1, 0, 0, 2, 0, 2, 1, 0);
  const targets = Uint32Array.of(0, 1, 1, 0, 1, 1, 0, 0);
  const intervals = metricIntervals({ logits, rows: 8, cols: 2 }, targets, {
    kind: "classification",
    metric: "matthews",
    alsoReport: ["accuracy", "f1"],
  });
  assertEquals(Object.keys(intervals), ["matthews", "accuracy", "f1"]);
  // Three true positives, three true negatives, one false of each.
  for (const [name, value] of [["matthews", 0.5], ["accuracy", 0.75], ["f1", 0.75]] as const) {
    const [low, high] = intervals[name]!;
    assert(low < value && value < high, `${name}: ${low} to ${high}`);
  }
});

Deno.test("metricIntervals() of a perfect model is no wider than a point", () => {
  const targets = Float64Array.from(noise(20, { seed: 3, scale: 1 }));
  const outputs = { logits: Float32Array.from(targets), rows: 20, cols: 1 };
  const options = { kind: "regression", metric: "pearson", alsoReport: ["spearman"] } as const;
  const { pearson, spearman } = metricIntervals(outputs, targets, options);
  for (const end of [...pearson!, ...spearman!]) assertAlmostEquals(end, 1, 1e-9);
});

Deno.test("metricIntervals() is the same for the same seed and another for another", () => {
  const logits = noise(100, { seed: 1, scale: 1 });
  const targets = Uint32Array.from({ length: 50 }, (_, row) => row % 2);
  const of = (seed: number) =>
    metricIntervals({ logits, rows: 50, cols: 2 }, targets, {
      kind: "classification",
      metric: "matthews",
      alsoReport: [],
      seed,
    });
  assertEquals(of(1), of(1));
  assert(of(1).matthews!.join() !== of(2).matthews!.join());
});
