import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { seededUint32 } from "../../lib/tensor/random.ts";
import { computeMetric, type Predictions } from "../../lib/eval/metrics.ts";
import { correctRows, mcnemar, pairedBootstrap } from "../../lib/eval/significance.ts";
import type { Metric } from "../../lib/text/tasks.ts";
import { seededRandom } from "../_noise.ts";

/** McNemar's test of rows of which only one model got so many right, and both got ten right. */
function testOf(onlyBefore: number, onlyAfter: number) {
  const rows = (ones: number, zeros: number) => [
    ...new Array<number>(ones).fill(1),
    ...new Array<number>(zeros).fill(0),
  ];
  const both = rows(10, 0);
  return mcnemar(
    Uint8Array.from([...rows(onlyBefore, onlyAfter), ...both]),
    Uint8Array.from([...rows(onlyBefore, onlyAfter).map((right) => 1 - right), ...both]),
  );
}

/** The same p by whole numbers: 2 sum C(n, k) / 2^n. */
function exactP(onlyBefore: number, onlyAfter: number): number {
  const n = onlyBefore + onlyAfter;
  let term = 1n;
  let sum = 0n;
  for (let k = 0; k <= Math.min(onlyBefore, onlyAfter); k++) {
    sum += term;
    term = (term * BigInt(n - k)) / BigInt(k + 1);
  }
  // 53 more bits than the quotient needs, so that dividing by 2^n loses nothing.
  const scaled = (2n * sum * 2n ** 1080n) >> BigInt(n);
  return Math.min(1, Number(scaled >> 57n) / 2 ** 1023);
}

Deno.test("mcnemar() matches values worked by hand", () => {
  assertEquals({ ...testOf(1, 5), p: 0 }, { p: 0, onlyBefore: 1, onlyAfter: 5 });
  assertAlmostEquals(testOf(3, 0).p, 2 / 8, 1e-15);
  assertAlmostEquals(testOf(1, 5).p, 14 / 64, 1e-15); // 2 (1 + 6) / 64
  assertAlmostEquals(testOf(8, 2).p, 112 / 1024, 1e-15); // 2 (1 + 10 + 45) / 1024
  assertAlmostEquals(testOf(2, 8).p, 112 / 1024, 1e-15);
});

Deno.test("mcnemar() gives p 1 when no row tells the models apart or both sides are even", () => {
  assertEquals(testOf(0, 0), { p: 1, onlyBefore: 0, onlyAfter: 0 });
  assertEquals(testOf(4, 4).p, 1);
  assertEquals(testOf(1, 0).p, 1);
});

Deno.test("mcnemar() stays exact for thousands of rows", () => {
  for (const [before, after] of [[30, 12], [400, 350], [1200, 1000], [4000, 3900]] as const) {
    const want = exactP(before, after);
    const { p } = testOf(before, after);
    assert(Math.abs(p - want) <= 1e-10 * want, `${before} against ${after}: ${p}, not ${want}`);
  }
  assertEquals(testOf(5000, 0).p, 0); // 2^-4999 is below the smallest number
});

Deno.test("mcnemar() refuses lists of different lengths", () => {
  assertThrows(() => mcnemar(Uint8Array.of(1), Uint8Array.of(1, 0)), RangeError, "1 rows before");
});

const ROWS = 120;
const random = seededRandom(5);
const targets = Uint32Array.from({ length: ROWS }, () => (random() < 0.4 ? 1 : 0));
const noisy = (wrong: number) => targets.map((target) => (random() < wrong ? 1 - target : target));
const values = Float64Array.from({ length: ROWS }, () => Math.floor(random() * 6));
const near = (spread: number) => values.map((value) => value + spread * (random() - 0.5));

const CLASSES: [Predictions, Predictions] = [
  { kind: "classification", predicted: noisy(0.1), targets },
  { kind: "classification", predicted: noisy(0.3), targets },
];
const VALUES: [Predictions, Predictions] = [
  { kind: "regression", predicted: near(2), targets: values },
  { kind: "regression", predicted: near(8), targets: values },
];
const CASES: [Metric, [Predictions, Predictions]][] = [
  ["accuracy", CLASSES],
  ["f1", CLASSES],
  ["macroF1", CLASSES],
  ["matthews", CLASSES],
  ["pearson", VALUES],
  ["spearman", VALUES],
];

/** The interval by its definition: each of 401 samples of rows is scored as a data set. */
function plainInterval(metric: Metric, [before, after]: [Predictions, Predictions], seed: number) {
  const next = seededUint32(seed);
  const pick = (predictions: Predictions, rows: number[]): Predictions =>
    predictions.kind === "classification"
      ? {
        kind: "classification",
        predicted: Uint32Array.from(rows, (row) => predictions.predicted[row]!),
        targets: Uint32Array.from(rows, (row) => predictions.targets[row]!),
      }
      : {
        kind: "regression",
        predicted: Float64Array.from(rows, (row) => predictions.predicted[row]!),
        targets: Float64Array.from(rows, (row) => predictions.targets[row]!),
      };
  const drops = Array.from({ length: 401 }, () => {
    const rows = Array.from({ length: ROWS }, () => Math.floor((next() / 2 ** 32) * ROWS));
    return computeMetric(metric, pick(before, rows)) - computeMetric(metric, pick(after, rows));
  }).sort((a, b) => a - b);
  return [drops[10]!, drops[390]!] as const;
}

for (const [metric, [before, after]] of CASES) {
  Deno.test(`pairedBootstrap() gives the interval of resampled rows for ${metric}`, () => {
    const interval = pairedBootstrap({ metric, before, after, seed: 1, resamples: 401 });
    const [low, high] = plainInterval(metric, [before, after], 1);
    assertAlmostEquals(interval[0], low, 1e-12);
    assertAlmostEquals(interval[1], high, 1e-12);
    const drop = computeMetric(metric, before) - computeMetric(metric, after);
    assert(low < drop && drop < high, `${drop} is outside ${interval}`);
  });

  Deno.test(`pairedBootstrap() repeats with the seed for ${metric}`, () => {
    const run = (seed: number) =>
      pairedBootstrap({ metric, before, after, seed, resamples: 200 }).join();
    assertEquals(run(3), run(3));
    if (metric !== "accuracy") assert(run(3) !== run(4)); // accuracy has few distinct values
  });

  Deno.test(`pairedBootstrap() gives [0, 0] for a model against itself with ${metric}`, () => {
    assertEquals(pairedBootstrap({ metric, before, after: before, resamples: 100 }), [0, 0]);
  });
}

Deno.test("pairedBootstrap() gives the drop itself for a single row", () => {
  const one = (predicted: number): Predictions => ({
    kind: "classification",
    predicted: Uint32Array.of(predicted),
    targets: Uint32Array.of(1),
  });
  assertEquals(pairedBootstrap({ metric: "accuracy", before: one(1), after: one(0) }), [1, 1]);
});

Deno.test("pairedBootstrap() interpolates its quantiles", () => {
  // Of three rows one was lost: each of two resamples drops by a multiple of 1/3, and the interval
  // lies 2.5 % of their distance inside them.
  const rows = (predicted: number[]): Predictions => ({
    kind: "classification",
    predicted: Uint32Array.from(predicted),
    targets: Uint32Array.of(1, 1, 1),
  });
  const [before, after] = [rows([1, 1, 1]), rows([1, 1, 0])];
  const run = (seed: number) =>
    pairedBootstrap({ metric: "accuracy", before, after, resamples: 2, seed });
  const interval = [1, 2, 3, 4, 5, 6, 7, 8].map(run).find(([low, high]) => low < high);
  assert(interval, "no seed gave two different resamples");
  const [low, high] = interval;
  const outside = (0.025 / 0.95) * (high - low);
  for (const drop of [low - outside, high + outside]) {
    assertAlmostEquals(3 * drop, Math.round(3 * drop), 1e-9);
  }
});

Deno.test("pairedBootstrap() refuses a metric of the other kind and unequal rows", () => {
  const [before, after] = CLASSES;
  assertThrows(() => pairedBootstrap({ metric: "pearson", before, after }), TypeError, "pearson");
  const short: Predictions = {
    kind: "classification",
    predicted: Uint32Array.of(1),
    targets: Uint32Array.of(1),
  };
  const metric = "accuracy";
  assertThrows(() => pairedBootstrap({ metric, before, after: short }), RangeError, "120 rows");
});

Deno.test("correctRows() marks the rows predicted right", () => {
  const predicted = Uint32Array.of(1, 0, 2);
  const found = correctRows({
    kind: "classification",
    predicted,
    targets: Uint32Array.of(1, 1, 2),
  });
  assertEquals(found, Uint8Array.of(1, 0, 1));
});

Deno.test("pairedBootstrap() draws 10,000 resamples whose spread is that of the data", () => {
  // One row in four lost: the drop of n rows scatters by sqrt(0.25 * 0.75 / n).
  const rows = 400;
  const model = (right: (row: number) => boolean): Predictions => ({
    kind: "classification",
    predicted: Uint32Array.from({ length: rows }, (_, row) => (right(row) ? 1 : 0)),
    targets: new Uint32Array(rows).fill(1),
  });
  const [before, after] = [model(() => true), model((row) => row % 4 > 0)];
  const [low, high] = pairedBootstrap({ metric: "accuracy", before, after });
  const half = 1.96 * Math.sqrt((0.25 * 0.75) / rows);
  assertAlmostEquals(low, 0.25 - half, 0.004);
  assertAlmostEquals(high, 0.25 + half, 0.004);
});
