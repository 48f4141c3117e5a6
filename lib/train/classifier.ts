/**
 * The classifier while it is trained: on the host, in f64, since it is tiny beside the encoder.
 *
 * @module
 */

/** A classifier's values; `H` hidden_size. */
export interface ClassifierValues {
  /** f32 [labels, H], row-major. */
  readonly weight: Float32Array;
  /** f32 [labels]. */
  readonly bias: Float32Array;
}

/** Where a classifier's gradients are added up. */
export interface ClassifierGradients {
  /** f64 [labels, H], row-major. */
  readonly weight: Float64Array;
  /** f64 [labels]. */
  readonly bias: Float64Array;
}

/**
 * Computes logits: `(factors ⊙ hidden) · weightᵀ + bias`.
 *
 * @param hidden The selected hidden states, f32 [rows, H], row-major.
 * @param classifier The classifier's values.
 * @param factors What dropout multiplies the hidden states with, f64 [rows, H]; ones if left out.
 * @returns f64 [rows, labels], row-major.
 */
export function classify(
  hidden: Float32Array,
  { weight, bias }: ClassifierValues,
  factors?: Float64Array,
): Float64Array<ArrayBuffer> {
  const labels = bias.length;
  const width = weight.length / labels;
  const logits = new Float64Array(hidden.length / width * labels);
  for (let begin = 0; begin < hidden.length; begin += width) {
    const row = begin / width;
    for (let label = 0; label < labels; label++) {
      let sum = bias[label]!;
      for (let i = 0; i < width; i++) {
        const factor = factors === undefined ? 1 : factors[begin + i]!;
        sum += factor * hidden[begin + i]! * weight[label * width + i]!;
      }
      logits[row * labels + label] = sum;
    }
  }
  return logits;
}

/**
 * Takes the gradient of the logits back: adds to the classifier's gradients and gives that of the
 * hidden states.
 *
 * @param gradient With respect to the logits, f64 [rows, labels], row-major.
 * @param hidden What {@linkcode classify} was given.
 * @param classifier What it was given.
 * @param factors What it was given.
 * @param into Where the classifier's gradients are added up.
 * @returns With respect to the hidden states, f32 [rows, H], row-major.
 */
export function classifyBack(
  gradient: Float64Array,
  hidden: Float32Array,
  { weight, bias }: ClassifierValues,
  factors: Float64Array,
  into: ClassifierGradients,
): Float32Array<ArrayBuffer> {
  const labels = bias.length;
  const width = weight.length / labels;
  const back = new Float64Array(hidden.length);
  for (let row = 0; row * width < hidden.length; row++) {
    for (let label = 0; label < labels; label++) {
      const slope = gradient[row * labels + label]!;
      into.bias[label]! += slope;
      for (let i = 0; i < width; i++) {
        const at = row * width + i;
        into.weight[label * width + i]! += slope * factors[at]! * hidden[at]!;
        back[at]! += slope * factors[at]! * weight[label * width + i]!;
      }
    }
  }
  return Float32Array.from(back);
}
