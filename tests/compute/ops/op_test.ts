// Shape guards: what each operation refuses.

import { assertThrows } from "@std/assert";
import { checkOp, type Op } from "../../../lib/compute/ops/op.ts";
import type { Value, Weight } from "../../../lib/compute/value.ts";

const value = (cols: number, rowsFollow: Value["rowsFollow"] = "tokens"): Value => ({
  label: `value of ${cols}`,
  rowsFollow,
  cols,
});
const weight = (rows: number, cols: number): Weight => ({ label: "w", rows, cols });

const linear = { op: "linear", activation: "none", x: value(4), weight: weight(6, 4) } as const;
const layerNorm = { op: "layerNorm", x: value(4), weight: weight(1, 4), eps: 1e-5 } as const;
const tiny = {
  op: "tinyAttention",
  a: value(4),
  normWeight: weight(1, 4),
  normBias: weight(1, 4),
  eps: 1e-5,
  qkvWeight: weight(18, 4),
  qkvBias: weight(1, 18),
  numHeads: 3,
  headDim: 2,
  scale: 1,
  outputWeight: weight(4, 6),
  outputBias: weight(1, 4),
  scratch: value(18),
  y: value(4),
} as const;

const normBackward = {
  op: "layerNormBackward",
  x: value(4),
  weight: weight(1, 4),
  eps: 1e-5,
  dy: value(4),
} as const;
const normGradient = { op: "layerNormGradient", x: value(4), eps: 1e-5, dy: value(4) } as const;
const attentionBackward = {
  op: "attentionBackward",
  qkv: value(18),
  dy: value(6),
  numHeads: 3,
} as const;
const dropped = {
  op: "attention",
  qkv: value(18),
  numHeads: 3,
  y: value(6),
  keys: value(4),
  dropout: 0.1,
} as const;
const linearGradient = { op: "linearGradient", x: value(4), dy: value(6) } as const;

Deno.test("checkOp() accepts operations whose shapes fit", () => {
  const x = value(4);
  const ops: Op[] = [
    { ...linear, bias: weight(1, 6), y: value(6) },
    { ...linear, x: value(4, "sequences"), bias: weight(1, 6), y: value(6, "sequences") },
    { ...linear, bias: weight(1, 6), residual: value(6), y: value(6) },
    { ...layerNorm, bias: weight(1, 4), y: value(4) },
    { ...layerNorm, residual: x, bias: weight(1, 4), y: value(4) },
    { op: "attention", qkv: value(18), numHeads: 3, y: value(6) },
    { op: "attention", qkv: value(18), numHeads: 3, y: value(6, "sequences") },
    tiny,
    { op: "select", x, y: value(4, "sequences") },
    { op: "add", x, residual: x, y: value(4) },
    { op: "add", x: value(4, "batch"), residual: value(4, "batch"), y: value(4, "batch") },
    { op: "activation", x, activation: "gelu", y: value(4) },
    { op: "activation", x, activation: "gelu", slope: value(4), y: value(4) },
    { op: "multiply", x, factor: x, y: value(4) },
    { ...normBackward, residual: x, dx: value(4) },
    { ...normGradient, gradient: value(8, "batch") },
    { ...attentionBackward, dqkv: value(18) },
    { ...attentionBackward, dqkv: value(18), keys: value(4), dropout: 0.1 },
    dropped,
    { ...linearGradient, gradient: value(30, "batch") },
    { op: "scatter", x: value(4, "sequences"), y: x },
  ];
  for (const op of ops) checkOp(op);
});

Deno.test("checkOp() names the operation, what was found and what was expected", () => {
  const op: Op = { ...linear, bias: weight(1, 5), y: value(6) };
  assertThrows(
    () => checkOp(op),
    TypeError,
    'Cannot run linear: weight "w" has shape [1, 5], expected [1, 6]',
  );
});

Deno.test("checkOp() refuses shapes that do not fit", () => {
  const [x, sum] = [value(4), value(6)];
  const ops: Op[] = [
    { ...linear, x: value(5), bias: weight(1, 6), y: value(6) },
    { ...linear, bias: weight(1, 6), y: value(5) },
    { ...linear, bias: weight(6, 1), y: value(6) },
    { ...linear, bias: weight(1, 6), y: value(6, "sequences") },
    { ...linear, x, weight: weight(4, 4), bias: weight(1, 4), y: x },
    { ...linear, bias: weight(1, 6), residual: value(5), y: value(6) },
    { ...linear, bias: weight(1, 6), residual: value(6, "sequences"), y: value(6) },
    { ...linear, bias: weight(1, 6), residual: value(6), activation: "gelu", y: value(6) },
    { ...linear, bias: weight(1, 6), residual: sum, y: sum },
    { ...layerNorm, residual: value(5), bias: weight(1, 4), y: value(4) },
    { ...layerNorm, residual: x, bias: weight(1, 4), y: x },
    { op: "attention", qkv: value(17), numHeads: 3, y: value(6) },
    { op: "attention", qkv: value(18, "sequences"), numHeads: 3, y: value(6) },
    { op: "select", x, y: value(4) },
    { op: "select", x, y: value(5, "sequences") },
    { op: "select", x: value(4, "sequences"), y: value(4, "sequences") },
    { ...tiny, scratch: value(17) },
    { ...tiny, headDim: 1 },
    { ...tiny, outputWeight: weight(6, 4) },
    { ...tiny, y: tiny.a },
    { ...tiny, a: value(18), scratch: tiny.y },
    { op: "add", x, residual: value(5), y: value(4) },
    { op: "add", x, residual: value(4), y: x },
    { op: "add", x, residual: value(4, "sequences"), y: value(4) },
    { op: "activation", x, activation: "gelu", y: x },
    { op: "activation", x, activation: "gelu", y: value(4, "batch") },
    { op: "activation", x, activation: "gelu", slope: value(5), y: value(4) },
    { op: "activation", x, activation: "gelu", slope: x, y: value(4) },
    { op: "activation", x, activation: "gelu", slope: sum, y: sum },
    { op: "multiply", x, factor: value(5), y: value(4) },
    { op: "multiply", x, factor: value(4), y: x },
    { ...normBackward, dx: normBackward.x },
    { ...normBackward, residual: value(4, "sequences"), dx: value(4) },
    { ...normBackward, weight: weight(1, 5), dx: value(4) },
    { ...normGradient, gradient: value(8) },
    { ...normGradient, gradient: value(4, "batch") },
    { ...normGradient, dy: value(5), gradient: value(8, "batch") },
    { ...attentionBackward, dqkv: value(6) },
    { ...attentionBackward, dqkv: value(18), keys: value(3), dropout: 0.1 },
    { ...attentionBackward, dqkv: value(18), keys: value(4) },
    { ...attentionBackward, dqkv: value(18), dropout: 0.1 },
    { ...dropped, y: value(6, "sequences") },
    { ...dropped, keys: value(4, "sequences") },
    { ...attentionBackward, dqkv: attentionBackward.qkv },
    { ...attentionBackward, dy: value(6, "sequences"), dqkv: value(18) },
    { ...linearGradient, gradient: value(24, "batch") },
    { ...linearGradient, gradient: value(30) },
    { ...linearGradient, dy: value(6, "sequences"), gradient: value(30, "batch") },
    { op: "scatter", x, y: value(4) },
    { op: "scatter", x: value(4, "sequences"), y: value(5) },
    { ...linear, x: value(4, "batch"), bias: weight(1, 6), y: value(6, "batch") },
    { op: "attention", qkv: value(18), numHeads: 3, y: value(6, "batch") },
  ];
  for (const op of ops) assertThrows(() => checkOp(op), TypeError, `Cannot run ${op.op}`);
});

Deno.test("checkOp() refuses numbers that are out of range", () => {
  const ops: Op[] = [
    { ...layerNorm, bias: weight(1, 4), y: value(4), eps: 0 },
    { ...layerNorm, bias: weight(1, 4), y: value(4), eps: NaN },
    { op: "attention", qkv: value(18), numHeads: 4, y: value(6) },
    { op: "attention", qkv: value(18), numHeads: 0, y: value(6) },
    { ...normBackward, eps: -1, dx: value(4) },
    { ...normGradient, eps: 0, gradient: value(8, "batch") },
    { ...attentionBackward, numHeads: 4, dqkv: value(18) },
    { ...dropped, dropout: 0 },
    { ...dropped, dropout: 1 },
    { ...attentionBackward, dqkv: value(18), keys: value(4), dropout: NaN },
    { ...tiny, numHeads: 1.5 },
    { ...tiny, scale: Infinity },
  ];
  for (const op of ops) assertThrows(() => checkOp(op), RangeError, `Cannot run ${op.op}`);
});
