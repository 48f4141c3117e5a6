/**
 * Losses with their gradients, in f64. Each is a mean over the rows of a step, of which a call may
 * see a part: the parts' losses and gradients add up to the step's.
 *
 * @module
 */

/** A loss and its gradient with respect to outputs. */
export interface Loss {
  /** The rows' share of the loss. */
  readonly loss: number;
  /** f64 [rows, cols], row-major. */
  readonly gradient: Float64Array<ArrayBuffer>;
}

/** A loss of two sets of outputs, and its gradient with respect to each. */
export interface PairLoss {
  /** The rows' share of the loss. */
  readonly loss: number;
  /** With respect to the first and the second, f64 [rows, cols] each, row-major. */
  readonly gradients: readonly [Float64Array<ArrayBuffer>, Float64Array<ArrayBuffer>];
}

/** How rows lie in outputs, and what they are a part of. */
export interface LossShape {
  /** Columns: classes, or 1 for a score. */
  readonly cols: number;
  /** Rows of the whole step, which the mean is taken over. */
  readonly stepRows: number;
}

/**
 * Computes the logarithms of a row's probabilities; the largest logit is subtracted first, so that
 * nothing overflows.
 */
function logSoftmax(logits: Float64Array, row: number, cols: number): Float64Array {
  const values = logits.subarray(row * cols, (row + 1) * cols);
  const most = values.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  for (const value of values) sum += Math.exp(value - most);
  const shift = most + Math.log(sum);
  return values.map((value) => value - shift);
}

/**
 * Cross-entropy against a class a row, a share of which may be spread evenly over all classes.
 *
 * @param logits f64 [rows, cols], row-major; left unchanged.
 * @param targets The class of each row, u32 [rows].
 * @param shape Columns, and rows of the step.
 * @param smoothing Share of the target that is spread over all classes, in [0, 1).
 * @returns Loss and gradient, as PyTorch's `cross_entropy` has them.
 *
 * @example Two classes that are equally likely
 * ```ts
 * import { crossEntropy } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const logits = Float64Array.of(0, 0);
 * const { loss, gradient } = crossEntropy(logits, Uint32Array.of(1), { cols: 2, stepRows: 1 });
 * assertEquals(loss, Math.log(2));
 * assertEquals(gradient, Float64Array.of(0.5, -0.5));
 * ```
 */
export function crossEntropy(
  logits: Float64Array,
  targets: Uint32Array,
  { cols, stepRows }: LossShape,
  smoothing = 0,
): Loss {
  const gradient = new Float64Array(logits.length);
  let loss = 0;
  for (const [row, target] of targets.entries()) {
    const logs = logSoftmax(logits, row, cols);
    for (let col = 0; col < cols; col++) {
      const wanted = smoothing / cols + (col === target ? 1 - smoothing : 0);
      loss -= wanted * logs[col]! / stepRows;
      gradient[row * cols + col] = (Math.exp(logs[col]!) - wanted) / stepRows;
    }
  }
  return { loss, gradient };
}

/**
 * Mean squared error against a score a row.
 *
 * @param outputs f64 [rows]; left unchanged.
 * @param targets The score of each row, f64 [rows].
 * @param shape Rows of the step.
 * @returns Loss and gradient.
 */
export function squaredError(
  outputs: Float64Array,
  targets: Float64Array,
  { stepRows }: Pick<LossShape, "stepRows">,
): Loss {
  const gradient = new Float64Array(outputs.length);
  let loss = 0;
  for (let row = 0; row < outputs.length; row++) {
    const difference = outputs[row]! - targets[row]!;
    loss += difference * difference / stepRows;
    gradient[row] = 2 * difference / stepRows;
  }
  return { loss, gradient };
}

/**
 * The Kullback-Leibler divergence of probabilities from wanted ones, `KL(wanted || found)`.
 *
 * @param logits Logits of what was found, f64 [rows, cols], row-major; left unchanged.
 * @param wanted Logits of what is wanted, of the same shape; left unchanged.
 * @param shape Columns, and rows of the step.
 * @returns Loss and gradient with respect to the first logits.
 *
 * @example Equal odds where three to one were wanted
 * ```ts
 * import { divergence } from "tinygraft";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const wanted = Float64Array.of(Math.log(3), 0);
 * const { loss, gradient } = divergence(Float64Array.of(0, 0), wanted, { cols: 2, stepRows: 1 });
 * assertAlmostEquals(loss, 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5));
 * assertAlmostEquals(gradient[0]!, 0.5 - 0.75);
 * ```
 */
export function divergence(
  logits: Float64Array,
  wanted: Float64Array,
  { cols, stepRows }: LossShape,
): Loss {
  const gradient = new Float64Array(logits.length);
  let loss = 0;
  for (let row = 0; row * cols < logits.length; row++) {
    const [logs, target] = [logSoftmax(logits, row, cols), logSoftmax(wanted, row, cols)];
    for (let col = 0; col < cols; col++) {
      const p = Math.exp(target[col]!);
      loss += p * (target[col]! - logs[col]!) / stepRows;
      gradient[row * cols + col] = (Math.exp(logs[col]!) - p) / stepRows;
    }
  }
  return { loss, gradient };
}

/**
 * Half the sum of both Kullback-Leibler divergences of the probabilities of two sets of logits:
 * `½ [KL(p||q) + KL(q||p)]`.
 *
 * @param a Logits of p, f64 [rows, cols], row-major; left unchanged.
 * @param b Logits of q, of the same shape; left unchanged.
 * @param shape Columns, and rows of the step.
 * @returns Loss and gradients with respect to the logits.
 */
export function symmetricDivergence(
  a: Float64Array,
  b: Float64Array,
  { cols, stepRows }: LossShape,
): PairLoss {
  const gradients = [new Float64Array(a.length), new Float64Array(a.length)] as const;
  let loss = 0;
  for (let row = 0; row * cols < a.length; row++) {
    const [logP, logQ] = [logSoftmax(a, row, cols), logSoftmax(b, row, cols)];
    let [ofP, ofQ] = [0, 0]; // KL(p||q) and KL(q||p)
    for (let col = 0; col < cols; col++) {
      const difference = logP[col]! - logQ[col]!;
      ofP += Math.exp(logP[col]!) * difference;
      ofQ -= Math.exp(logQ[col]!) * difference;
    }
    loss += (ofP + ofQ) / 2 / stepRows;
    for (let col = 0; col < cols; col++) {
      const [p, q] = [Math.exp(logP[col]!), Math.exp(logQ[col]!)];
      const difference = logP[col]! - logQ[col]!;
      const at = row * cols + col;
      gradients[0][at] = (p * (difference - ofP) + p - q) / 2 / stepRows;
      gradients[1][at] = (q * (-difference - ofQ) + q - p) / 2 / stepRows;
    }
  }
  return { loss, gradients };
}

/**
 * Mean squared difference of two sets of outputs, over all their elements.
 *
 * @param a f64 [rows, cols], row-major; left unchanged.
 * @param b Of the same shape; left unchanged.
 * @param shape Columns, and rows of the step.
 * @returns Loss and gradients.
 */
export function squaredDifference(
  a: Float64Array,
  b: Float64Array,
  { cols, stepRows }: LossShape,
): PairLoss {
  const { loss, gradient } = squaredError(a, b, { stepRows: stepRows * cols });
  return { loss, gradients: [gradient, gradient.map((value) => -value)] };
}

/**
 * How far rows are from wanted ones, each relative to the wanted one's length:
 * `scale · mean |h - h*|² / |h*|²`.
 *
 * @param found The rows, f32 [rows, cols], row-major; left unchanged.
 * @param wanted What they should be, of the same shape; left unchanged. A row of zeros counts 0.
 * @param shape Columns, and rows of the step.
 * @param scale What the mean is multiplied with.
 * @returns Loss in f64, and its gradient with respect to the rows, f32 [rows, cols].
 */
export function relativeSquares(
  found: Float32Array,
  wanted: Float32Array,
  { cols, stepRows }: LossShape,
  scale: number,
): { readonly loss: number; readonly gradient: Float32Array<ArrayBuffer> } {
  const gradient = new Float32Array(found.length);
  let loss = 0;
  for (let begin = 0; begin < found.length; begin += cols) {
    let squares = 0;
    let distance = 0;
    for (let i = begin; i < begin + cols; i++) {
      const difference = found[i]! - wanted[i]!;
      squares += wanted[i]! * wanted[i]!;
      distance += difference * difference;
    }
    if (squares === 0) continue;
    const share = scale / squares / stepRows;
    loss += share * distance;
    for (let i = begin; i < begin + cols; i++) gradient[i] = 2 * share * (found[i]! - wanted[i]!);
  }
  return { loss, gradient };
}
