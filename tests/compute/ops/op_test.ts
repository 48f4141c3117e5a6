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

Deno.test("checkOp() accepts operations whose shapes fit", () => {
  const x = value(4);
  const ops: Op[] = [
    { ...linear, bias: weight(1, 6), y: value(6) },
    { ...linear, x: value(4, "sequences"), bias: weight(1, 6), y: value(6, "sequences") },
    { ...layerNorm, bias: weight(1, 4), y: value(4) },
    { ...layerNorm, residual: x, bias: weight(1, 4), y: value(4) },
    { op: "attention", qkv: value(18), numHeads: 3, y: value(6) },
    { op: "attention", qkv: value(18), numHeads: 3, y: value(6, "sequences") },
    tiny,
    { op: "select", x, y: value(4, "sequences") },
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
  const x = value(4);
  const ops: Op[] = [
    { ...linear, x: value(5), bias: weight(1, 6), y: value(6) },
    { ...linear, bias: weight(1, 6), y: value(5) },
    { ...linear, bias: weight(6, 1), y: value(6) },
    { ...linear, bias: weight(1, 6), y: value(6, "sequences") },
    { ...linear, x, weight: weight(4, 4), bias: weight(1, 4), y: x },
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
  ];
  for (const op of ops) assertThrows(() => checkOp(op), TypeError, `Cannot run ${op.op}`);
});

Deno.test("checkOp() refuses numbers that are out of range", () => {
  const ops: Op[] = [
    { ...layerNorm, bias: weight(1, 4), y: value(4), eps: 0 },
    { ...layerNorm, bias: weight(1, 4), y: value(4), eps: NaN },
    { op: "attention", qkv: value(18), numHeads: 4, y: value(6) },
    { op: "attention", qkv: value(18), numHeads: 0, y: value(6) },
    { ...tiny, numHeads: 1.5 },
    { ...tiny, scale: Infinity },
  ];
  for (const op of ops) assertThrows(() => checkOp(op), RangeError, `Cannot run ${op.op}`);
});
