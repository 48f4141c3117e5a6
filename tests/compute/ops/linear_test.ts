// The definition of `linear` against hand-worked and tabulated numbers.

import { assertEquals } from "@std/assert";
import type { Activation } from "../../../lib/compute/ops/op.ts";
import { erf, gelu, geluTanh, linear } from "../../../lib/compute/ops/linear/reference.ts";
import { assertClose } from "../../_close.ts";
import { noise } from "../../_noise.ts";

Deno.test("erf() matches tabulated values to the last digits", () => {
  // Values of Python's math.erf.
  const table: readonly (readonly [number, number])[] = [
    [0, 0],
    [1e-10, 1.1283791670955126e-10],
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [1.5, 0.9661051464753108],
    [2, 0.9953222650189527],
    [3, 0.9999779095030014],
    [5, 0.9999999999984626],
    [7, 1],
    [Infinity, 1],
  ];
  for (const [x, want] of table) {
    assertClose([erf(x), erf(-x)], [want, -want], { atol: 0, rtol: 2e-15 });
  }
});

Deno.test("gelu() is the exact form and not the one with tanh", () => {
  // x Φ(x); the tanh form gives 0.8411919906 at 1 and -0.0454023059 at -2.
  const want = [0, 0.8413447460685429, -0.15865525393145707, -0.04550026389635842];
  assertClose([0, 1, -1, -2].map(gelu), want, { atol: 0, rtol: 1e-14 });
  assertClose([gelu(-40), gelu(40)], [0, 40], { atol: 0, rtol: 0 });
});

Deno.test("geluTanh() matches the values of torch's approximation", () => {
  // torch.nn.functional.gelu(x, approximate="tanh") in f64.
  const want = [0, 0.8411919906082768, -0.15880800939172324, -0.04540230591222794];
  assertClose([0, 1, -1, -2].map(geluTanh), want, { atol: 0, rtol: 1e-13 });
  assertClose([geluTanh(-40), geluTanh(40)], [0, 40], { atol: 0, rtol: 0 });
});

Deno.test("linear() applies the activation that it is told", () => {
  const apply = (activation: Activation) =>
    linear(
      Float64Array.of(1, -1, NaN),
      Float64Array.of(1),
      Float64Array.of(0),
      { rows: 3, inner: 1, cols: 1 },
      activation,
    );
  assertEquals(apply("none"), Float64Array.of(1, -1, NaN));
  assertEquals(apply("relu"), Float64Array.of(1, 0, NaN));
  assertEquals(apply("tanh"), Float64Array.of(Math.tanh(1), -Math.tanh(1), NaN));
  assertEquals(apply("geluTanh"), Float64Array.of(geluTanh(1), geluTanh(-1), NaN));
});

Deno.test("linear() multiplies by the transposed weight and adds the bias", () => {
  // Rows (1 2 3), (4 5 6) by weight rows (1 0 -1), (2 1 0) and bias (10 20).
  const x = Float64Array.of(1, 2, 3, 4, 5, 6);
  const weight = Float64Array.of(1, 0, -1, 2, 1, 0);
  const shape = { rows: 2, inner: 3, cols: 2 };
  const y = linear(x, weight, Float64Array.of(10, 20), shape, "none");
  assertEquals(y, Float64Array.of(8, 24, 8, 33));
});

Deno.test("linear() applies GELU after the bias", () => {
  const one = Float64Array.of(1);
  const y = linear(one, Float64Array.of(3), Float64Array.of(-2), {
    rows: 1,
    inner: 1,
    cols: 1,
  }, "gelu");
  assertClose(y, [0.8413447460685429], { atol: 0, rtol: 1e-14 });
});

Deno.test("linear() sums each element on its own at odd and even sizes", () => {
  for (const [rows, inner, cols] of [[1, 1, 1], [3, 5, 7], [2, 4, 6], [5, 2, 1], [1, 3, 4]]) {
    const [m, k, n] = [rows!, inner!, cols!];
    const x = Float64Array.from(noise(m * k, { seed: 1 }));
    const weight = Float64Array.from(noise(n * k, { seed: 2 }));
    const bias = Float64Array.from(noise(n, { seed: 3 }));
    const want = Array.from({ length: m * n }, (_, at) => {
      const [row, col] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let i = 0; i < k; i++) sum += x[row * k + i]! * weight[col * k + i]!;
      return sum + bias[col]!;
    });
    const y = linear(x, weight, bias, { rows: m, inner: k, cols: n }, "none");
    assertClose(y, want, { atol: 0, rtol: 0 });
  }
});
