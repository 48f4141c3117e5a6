import { assertAlmostEquals, assertEquals } from "@std/assert";
import {
  crossEntropy,
  divergence,
  type LossShape,
  relativeSquares,
  squaredDifference,
  squaredError,
  symmetricDivergence,
} from "../../lib/train/loss.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";

const SHAPE: LossShape = { cols: 3, stepRows: 5 };
const A = Float64Array.from(noise(12, { seed: 1, scale: 2 }));
const B = Float64Array.from(noise(12, { seed: 2, scale: 2 }));
const TARGETS = Uint32Array.of(0, 2, 1, 2);

/** The gradient of a loss by central differences. */
function slopes(values: Float64Array, loss: () => number): Float64Array {
  const h = 1e-5;
  return values.map((value, i) => {
    values[i] = value + h;
    const above = loss();
    values[i] = value - h;
    const below = loss();
    values[i] = value;
    return (above - below) / (2 * h);
  });
}

const CLOSE = { atol: 1e-9, rtol: 1e-7 };

Deno.test("crossEntropy() is the mean of what the wanted class's probability lacks", () => {
  // p = (1/4, 3/4), wanted 1; p = (1/2, 1/2), wanted 0.
  const logits = Float64Array.of(0, Math.log(3), 1, 1);
  const { loss, gradient } = crossEntropy(logits, Uint32Array.of(1, 0), { cols: 2, stepRows: 2 });
  assertAlmostEquals(loss, (Math.log(4 / 3) + Math.log(2)) / 2, 1e-12);
  assertClose(gradient, [1 / 8, -1 / 8, -1 / 4, 1 / 4], { atol: 1e-12, rtol: 0 });
});

Deno.test("crossEntropy() spreads a share of the target, as PyTorch does", () => {
  // F.cross_entropy(tensor([[0., log(3)]]), tensor([1]), label_smoothing=0.2) = 0.3976
  const logits = Float64Array.of(0, Math.log(3));
  const { loss } = crossEntropy(logits, Uint32Array.of(1), { cols: 2, stepRows: 1 }, 0.2);
  assertAlmostEquals(loss, 0.9 * Math.log(4 / 3) + 0.1 * Math.log(4), 1e-12);
});

Deno.test("crossEntropy() does not overflow where logits are large", () => {
  const logits = Float64Array.of(1000, -1000);
  const { loss, gradient } = crossEntropy(logits, Uint32Array.of(1), { cols: 2, stepRows: 1 });
  assertEquals([loss, ...gradient], [2000, 1, -1]);
});

Deno.test("crossEntropy() has the gradient of its loss", () => {
  const loss = () => crossEntropy(A, TARGETS, SHAPE, 0.1).loss;
  assertClose(crossEntropy(A, TARGETS, SHAPE, 0.1).gradient, slopes(A, loss), CLOSE);
});

Deno.test("squaredError() is the mean of squares over the step's rows", () => {
  const { loss, gradient } = squaredError(
    Float64Array.of(1, 4),
    Float64Array.of(3, 3),
    { stepRows: 4 },
  );
  assertEquals(loss, (4 + 1) / 4);
  assertEquals([...gradient], [-1, 0.5]);
});

Deno.test("symmetricDivergence() is half the sum of both divergences", () => {
  const p = [1 / 4, 3 / 4];
  const q = [2 / 3, 1 / 3];
  const divergence = (a: number[], b: number[]) =>
    a.reduce((sum, value, i) => sum + value * Math.log(value / b[i]!), 0);
  const logs = (values: number[]) => Float64Array.from(values, (value) => Math.log(value) + 7);
  const { loss } = symmetricDivergence(logs(p), logs(q), { cols: 2, stepRows: 1 });
  assertAlmostEquals(loss, (divergence(p, q) + divergence(q, p)) / 2, 1e-12);
});

for (const compare of [symmetricDivergence, squaredDifference]) {
  Deno.test(`${compare.name}() has the gradients of its loss`, () => {
    const { gradients } = compare(A, B, SHAPE);
    assertClose(gradients[0], slopes(A, () => compare(A, B, SHAPE).loss), CLOSE);
    assertClose(gradients[1], slopes(B, () => compare(A, B, SHAPE).loss), CLOSE);
  });

  Deno.test(`${compare.name}() of equal outputs is 0`, () => {
    const { loss, gradients } = compare(A, A, SHAPE);
    assertClose([loss, ...gradients[0]], new Float64Array(13), { atol: 1e-15, rtol: 0 });
  });
}

Deno.test("squaredDifference() is a mean over all elements", () => {
  const { loss } = squaredDifference(
    Float64Array.of(1, 2),
    Float64Array.of(3, 2),
    { cols: 2, stepRows: 1 },
  );
  assertEquals(loss, 2);
});

Deno.test("divergence() is what the wanted odds lack in the found ones", () => {
  // Wanted (3/4, 1/4), found (1/2, 1/2): 3/4 log(3/2) + 1/4 log(1/2), over two rows of the step.
  const wanted = Float64Array.of(Math.log(3), 0);
  const { loss, gradient } = divergence(Float64Array.of(7, 7), wanted, { cols: 2, stepRows: 2 });
  assertAlmostEquals(loss, (0.75 * Math.log(1.5) + 0.25 * Math.log(0.5)) / 2, 1e-12);
  assertClose(gradient, [-1 / 8, 1 / 8], { atol: 1e-12, rtol: 0 });
  assertEquals(divergence(A, A, SHAPE).loss, 0);
});

Deno.test("divergence() has the gradient of its loss", () => {
  const loss = () => divergence(A, B, SHAPE).loss;
  assertClose(divergence(A, B, SHAPE).gradient, slopes(A, loss), CLOSE);
});

Deno.test("relativeSquares() counts each row by the wanted one's length", () => {
  // |(3, 5) - (3, 4)|² / 25 and |(1, 1) - (0, 2)|² / 4 over four rows, doubled; zeros do not count.
  const found = Float32Array.of(3, 5, 1, 1, 9, 9);
  const wanted = Float32Array.of(3, 4, 0, 2, 0, 0);
  const { loss, gradient } = relativeSquares(found, wanted, { cols: 2, stepRows: 4 }, 2);
  assertAlmostEquals(loss, 2 * (1 / 25 + 2 / 4) / 4, 1e-12);
  const want = [0, 2 * 2 / 25 / 4, 2 * 2 / 4 / 4, -2 * 2 / 4 / 4, 0, 0];
  assertClose(gradient, want, { atol: 1e-7, rtol: 0 });
});
