/**
 * Functions of four floats at a time, as macros for WebAssembly kernels.
 *
 * @module
 */

import { type F32, type I32, V128 } from "../assembler/expressions.ts";
import type { FunctionBuilder } from "../assembler/module.ts";
import type { Activation } from "./linear/op.ts";

/** `e^x` is worked out between these: about the smallest normal f32, and below the largest. */
const EXP_RANGE = { least: -87.3, most: 88 };

/**
 * A number of 2^23 and more has no bits after the point: added to a small one and taken away again,
 * this rounds to the nearest whole number, which stands in the lowest bits in between.
 */
const ROUNDING = 1.5 * 2 ** 23;

/** ln 2 as a sum; the first has 9 bits, so that its product with a whole number is exact. */
const LN2 = { high: 0.693359375, low: -2.12194440e-4 };

/** `(e^r - 1 - r) / r²` for `|r| <= ln(2) / 2`, highest power first (Cephes, `expf`). */
const EXP_SERIES = [
  1.9875691500e-4,
  1.3981999507e-3,
  8.3334519073e-3,
  4.1665795894e-2,
  1.6666665459e-1,
  5.0000001201e-1,
] as const;

/**
 * `e^x`, with a relative error of about 1e-7; arguments below -87.3 count as that, above 88 too.
 *
 * @param f The function to append to.
 * @param x The arguments; NaN gives NaN.
 * @returns A local variable.
 */
export function exp(f: FunctionBuilder, x: V128): V128 {
  const bounded = f.let(
    x.atLeast(f.constant(EXP_RANGE.least)).atMost(f.constant(EXP_RANGE.most)),
  );
  // x = n ln 2 + r, so that e^x is 2^n e^r.
  const shifted = f.let(f.madd(bounded, f.constant(Math.LOG2E), f.constant(ROUNDING)));
  const n = f.let(shifted.sub(f.constant(ROUNDING)));
  const high = f.madd(n, f.constant(-LN2.high), bounded);
  const r = f.let(f.madd(n, f.constant(-LN2.low), high));
  const series = f.let(polynomial(f, r, EXP_SERIES));
  const power = f.madd(series, r.mul(r), r.add(f.constant(1)));
  // 2^n: n, which is in the lowest bits of the sum, in the exponent's bits of a float.
  const scale = shifted.addIntegers(V128.integers(127, 127, 127, 127)).shlIntegers(23);
  return f.let(power.mul(scale));
}

/** A polynomial by Horner's rule, highest power first. */
function polynomial(f: FunctionBuilder, x: V128, [first, ...rest]: readonly number[]): V128 {
  return rest.reduce((sum, factor) => f.madd(sum, x, f.constant(factor)), f.constant(first!));
}

/**
 * `(1 - erf(x)) e^(x²) / t` with `t = 1 / (1 + p x)`, highest power first: the approximation 7.1.26 of
 * Abramowitz and Stegun.
 */
const ERFC = {
  p: 0.3275911,
  series: [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592],
} as const;

/** Φ(-|x|) = erfc(|x| / √2) / 2, off by up to 1.5e-7, and `e^(-x²/2)`, of which it is made. */
function normalTail(f: FunctionBuilder, x: V128): { readonly tail: V128; readonly decay: V128 } {
  const z = x.abs().mul(f.constant(Math.SQRT1_2));
  const t = f.let(f.constant(1).div(f.madd(z, f.constant(ERFC.p), f.constant(1))));
  const decay = exp(f, x.mul(x).mul(f.constant(-0.5)));
  const halved = ERFC.series.map((factor) => factor / 2);
  return { tail: f.let(polynomial(f, t, halved).mul(t).mul(decay)), decay };
}

/** GELU, `x Φ(x)`, as `max(x, 0) - |x| Φ(-|x|)`: nothing cancels on the negative side. */
function gelu(f: FunctionBuilder, x: V128): V128 {
  return geluWithSlope(f, x).y;
}

/** `1 / (1 + e^(-x))` times a factor. */
function timesSigmoid(f: FunctionBuilder, factor: V128, x: V128): V128 {
  return factor.div(exp(f, x.neg()).add(f.constant(1)));
}

/** GELU's approximation by tanh: `x / 2 (1 + tanh(u))` is `x sigmoid(2u)`. */
function geluTanh(f: FunctionBuilder, x: V128): V128 {
  const cubic = f.let(f.madd(x.mul(x), f.constant(0.044715), f.constant(1)));
  return timesSigmoid(f, x, cubic.mul(x).mul(f.constant(2 * Math.sqrt(2 / Math.PI))));
}

/** `tanh(x) = 2 sigmoid(2x) - 1`; below 1/8, where that loses digits, by its series. */
function tanh(f: FunctionBuilder, x: V128): V128 {
  const far = f.let(timesSigmoid(f, f.constant(2), x.add(x)).sub(f.constant(1)));
  const square = f.let(x.mul(x));
  const near = polynomial(f, square, [-17 / 315, 2 / 15, -1 / 3, 1]).mul(x);
  return near.where(x.abs().lt(f.constant(1 / 8)), far);
}

/** How each activation works out four elements of a local variable. */
export const ACTIVATIONS: Readonly<
  Record<Activation, (f: FunctionBuilder, x: V128) => V128>
> = {
  none: (_, x) => x,
  gelu,
  geluTanh,
  relu: (_, x) => x.max(V128.zero()),
  tanh,
};

/** What an activation gives and how steep it is there. */
export interface WithSlope {
  /** The activation's value. */
  readonly y: V128;
  /** Its derivative. */
  readonly slope: V128;
}

/** GELU with its derivative, `Φ(x) + x φ(x)` with `φ(x) = e^(-x²/2) / sqrt(2π)`. */
function geluWithSlope(f: FunctionBuilder, x: V128): WithSlope {
  const { tail, decay } = normalTail(f, x);
  const below = tail.where(x.lt(V128.zero()), f.constant(1).sub(tail));
  return {
    y: x.atLeast(V128.zero()).sub(x.abs().mul(tail)),
    slope: f.madd(x, decay.mul(f.constant(1 / Math.sqrt(2 * Math.PI))), below),
  };
}

/** The derivative of `x s(2u)`: `s + 2 u' x s (1 - s)` with the sigmoid `s`. */
function geluTanhDerivative(f: FunctionBuilder, x: V128): V128 {
  const factor = 2 * Math.sqrt(2 / Math.PI);
  const square = f.let(x.mul(x));
  const cubic = f.let(f.madd(square, f.constant(0.044715), f.constant(1)));
  const twice = cubic.mul(x).mul(f.constant(factor));
  const sigmoid = f.let(timesSigmoid(f, f.constant(1), twice));
  const slope = f.madd(square, f.constant(3 * 0.044715 * factor), f.constant(factor));
  const change = x.mul(sigmoid).mul(f.constant(1).sub(sigmoid));
  return f.madd(slope, change, sigmoid);
}

/** `1 - tanh²(x)` as `4 e / (1 + e)²` with `e = e^(-2|x|)`, which is precise where it is small. */
function tanhDerivative(f: FunctionBuilder, x: V128): V128 {
  const decay = exp(f, x.abs().mul(f.constant(-2)));
  const sum = f.let(decay.add(f.constant(1)));
  return decay.mul(f.constant(4)).div(sum.mul(sum));
}

/** How each activation and its derivative work out four elements of a local variable. */
export const WITH_SLOPES: Readonly<
  Record<Exclude<Activation, "none">, (f: FunctionBuilder, x: V128) => WithSlope>
> = {
  gelu: geluWithSlope,
  geluTanh: (f, x) => ({ y: geluTanh(f, x), slope: geluTanhDerivative(f, x) }),
  relu: (f, x) => ({
    y: ACTIVATIONS.relu(f, x),
    slope: f.constant(1).and(V128.zero().lt(x)),
  }),
  tanh: (f, x) => ({ y: tanh(f, x), slope: tanhDerivative(f, x) }),
};

/**
 * The sum of four floats.
 *
 * @param x A local variable.
 * @returns The sum.
 */
export function sumOf(x: V128): F32 {
  return x.lane(0).add(x.lane(1)).add(x.lane(2).add(x.lane(3)));
}

/**
 * The largest of four floats.
 *
 * @param x A local variable.
 * @returns The largest; NaN if one is.
 */
export function maxOf(x: V128): F32 {
  return x.lane(0).max(x.lane(1)).max(x.lane(2).max(x.lane(3)));
}

/**
 * A mask of the first lanes.
 *
 * @param count How many lanes.
 * @returns All bits set in these, none in the others.
 */
export function firstLanes(count: I32): V128 {
  return V128.integers(0, 1, 2, 3).ltIntegers(count.splat());
}
