// Outcomes to render.

import type { CheckResult } from "../../lib/eval/check.ts";
import type { GateOutcome } from "../../lib/gate/outcome.ts";

/** What no format may take for its own: markup, commands, controls, half a surrogate pair. */
export const HOSTILE =
  "a|b <script>&\"'`*_[x](y) @user #1, 100%: \u0000\u001b[31m\r\n::error::\ud800";

const RESULT = {
  examples: 360,
  metric: "accuracy",
  before: { accuracy: 321 / 360, f1: 0.5 },
  after: { accuracy: 133 / 360, f1: 0.25 },
  drop: 188 / 360,
  agreement: 0.4,
  maxLogitDifference: 7.1234,
  significance: { mcnemar: { p: 1e-9, onlyBefore: 190, onlyAfter: 2 }, interval: [0.47, 0.575] },
  head: "adapter",
  device: "wasm",
  deviceDescription: "WebAssembly on 2 threads",
  maxDrop: 0.01,
  passed: false,
  tokens: 9000,
} as unknown as CheckResult;

const SHARED = { base: "encoder", before: "adapter", data: "dev.tsv", cached: false, seconds: 1.5 };

/** Four heads against themselves, taken from the cache. */
export const PASSED: GateOutcome = {
  ...SHARED,
  name: "stack",
  after: "stacked",
  result: {
    ...RESULT,
    after: RESULT.before,
    drop: 0,
    significance: { mcnemar: { p: 1, onlyBefore: 0, onlyAfter: 0 }, interval: [0, 0] },
    passed: true,
    agreement: 1,
  },
  failures: [],
  cached: true,
};

/** Four heads against their average. */
export const FAILED: GateOutcome = {
  ...SHARED,
  name: "average",
  after: "averaged",
  result: RESULT,
  failures: [{
    code: "max-drop",
    message: "accuracy fell by 52.22 points, at most 1.00 allowed",
    location: { file: "ci/tinygraft.yaml", line: 12, column: 5 },
  }],
};

/** A check that could not be run, with a name that tries everything. */
export const BROKEN: GateOutcome = {
  ...SHARED,
  name: HOSTILE,
  after: HOSTILE,
  result: undefined,
  failures: [{ code: "error", message: HOSTILE }],
};

export const OUTCOMES: readonly GateOutcome[] = [PASSED, FAILED, BROKEN];
