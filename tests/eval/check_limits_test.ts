import { assertEquals } from "@std/assert";
import { type CheckLimits, judgeLimits } from "../../lib/eval/check_limits.ts";
import type { Comparison } from "../../lib/eval/compare.ts";

const COMPARISON: Comparison = {
  examples: 100,
  metric: "accuracy",
  before: { accuracy: 0.8 },
  after: { accuracy: 0.75 },
  drop: 0.05,
  agreement: 0.9,
  maxLogitDifference: 1,
  significance: { interval: [0.01, 0.09] },
};
const BASELINE = {
  ...{ path: "b.json", metric: "accuracy", value: 0.76, examples: 100, task: null, data: "d" },
};

function broken(limits: CheckLimits, changes: Partial<Comparison> = {}) {
  return judgeLimits({ ...COMPARISON, ...changes }, limits).map(({ code }) => code);
}

Deno.test("judgeLimits() passes what is exactly at a limit and fails what is beyond", () => {
  assertEquals(broken({ maxDrop: 0.05, maxDropUpper: 0.09 }), []);
  assertEquals(broken({ maxDrop: 0.049, maxDropUpper: 0.089 }), ["max-drop", "max-drop-upper"]);
  assertEquals(broken({ maxDrop: 1, maxDropUpper: 0.08 }), ["max-drop-upper"]);
  assertEquals(broken({ maxDrop: 0.01, maxDropUpper: 0.09 }), ["max-drop"]);
});

Deno.test("judgeLimits() holds the metric after against the baseline's, rounding aside", () => {
  const against = (value: number, maxRegression?: number) =>
    broken({ maxDrop: 1, baseline: { ...BASELINE, value }, maxRegression });
  assertEquals(against(0.76), ["baseline"]);
  assertEquals(against(0.76, 0.0101), []);
  assertEquals(against(0.76, 0.0099), ["baseline"]);
  assertEquals(against(0.75), []);
  assertEquals(against(0.7500005), []);
  assertEquals(against(0.750002), ["baseline"]);
  assertEquals(against(0.5), []);
});

Deno.test("judgeLimits() passes nothing that has no value", () => {
  const nothing = { drop: NaN, after: {}, significance: { interval: [NaN, NaN] as const } };
  const limits = { maxDrop: 1, maxDropUpper: 1, baseline: BASELINE, maxRegression: 1 };
  assertEquals(broken(limits, nothing), ["max-drop", "max-drop-upper", "baseline"]);
});

Deno.test("judgeLimits() says in points what was found and allowed", () => {
  const limits = { maxDrop: 0.01, maxDropUpper: 0.02, baseline: BASELINE };
  assertEquals(judgeLimits(COMPARISON, limits).map(({ message }) => message), [
    "accuracy drops by 5.00 points, at most 1.00 are allowed",
    "accuracy may drop by 9.00 points (upper end of the 95 % interval), at most 2.00 are allowed",
    "accuracy is 75.00, 1.00 points below the baseline's 76.00, at most 0.00 are allowed",
  ]);
});
