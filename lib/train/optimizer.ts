/**
 * AdamW, and the clipping of gradients before it.
 *
 * @module
 */

/** Something that is trained. */
export interface Parameter {
  /** The tensor's name, relative to the encoder. */
  readonly name: string;
  /** Its shape, in elements. */
  readonly shape: readonly number[];
  /** Its values, f32, row-major; steps change them. */
  readonly values: Float32Array<ArrayBuffer>;
  /** The loss's gradient, f64, of the same length. */
  readonly gradient: Float64Array<ArrayBuffer>;
  /** Whether it decays. */
  readonly decays: boolean;
}

/** Running means of a parameter's gradient and its square, f64, of the parameter's length. */
export interface Moments {
  /** Of the gradient. */
  readonly first: Float64Array<ArrayBuffer>;
  /** Of its square. */
  readonly second: Float64Array<ArrayBuffer>;
}

/** How far one step remembers the ones before: what Adam's authors and PyTorch use. */
const [BETA_1, BETA_2, EPSILON] = [0.9, 0.999, 1e-8];

/** How a step is taken. */
export interface StepOptions {
  /** The learning rate. */
  readonly learningRate: number;
  /** Share of a decaying parameter that a step with learning rate 1 takes off. */
  readonly weightDecay: number;
}

/**
 * AdamW by I. Loshchilov and F. Hutter, as `torch.optim.AdamW` computes it: decay apart from the
 * gradient, means corrected for their start at 0. It is computed in f64; values are rounded to f32
 * once a step.
 *
 * @see arXiv 1711.05101
 *
 * @example One step against the gradient's sign
 * ```ts
 * import { AdamW } from "tinygraft";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const values = Float32Array.of(1);
 * const gradient = Float64Array.of(-5);
 * const adam = new AdamW([{ name: "w", shape: [1], values, gradient, decays: true }]);
 * adam.step({ learningRate: 0.5, weightDecay: 0 });
 * assertAlmostEquals(values[0]!, 1.5);
 * ```
 */
export class AdamW {
  /** The means, in the order of the parameters; a saved state is put back by filling them. */
  readonly moments: readonly Moments[];
  /** Steps taken so far. */
  steps = 0;
  readonly #parameters: readonly Parameter[];

  /**
   * Starts with means of 0.
   *
   * @param parameters What is trained; steps change the values in place.
   */
  constructor(parameters: readonly Parameter[]) {
    this.#parameters = parameters;
    this.moments = parameters.map(({ values: { length } }) => ({
      first: new Float64Array(length),
      second: new Float64Array(length),
    }));
  }

  /**
   * Takes a step by the parameters' gradients.
   *
   * @param options Learning rate and decay.
   */
  step({ learningRate, weightDecay }: StepOptions): void {
    this.steps++;
    const rate = learningRate / (1 - BETA_1 ** this.steps);
    const correction = Math.sqrt(1 - BETA_2 ** this.steps);
    for (const [index, { values, gradient, decays }] of this.#parameters.entries()) {
      const { first, second } = this.moments[index]!;
      const kept = decays ? 1 - learningRate * weightDecay : 1;
      for (let i = 0; i < values.length; i++) {
        const slope = gradient[i]!;
        first[i] = BETA_1 * first[i]! + (1 - BETA_1) * slope;
        second[i] = BETA_2 * second[i]! + (1 - BETA_2) * slope * slope;
        const spread = Math.sqrt(second[i]!) / correction + EPSILON;
        values[i] = values[i]! * kept - (rate * first[i]!) / spread;
      }
    }
  }
}

/** Keeps a vector of norm 0 from being divided by it, as in PyTorch's `clip_grad_norm_`. */
const NORM_EPSILON = 1e-6;

/**
 * Scales all gradients by one factor where their norm is too large.
 *
 * @param gradients The gradients of all parameters; changed in place.
 * @param largest The largest norm of all of them together; 0 leaves them as they are.
 * @returns The norm before.
 *
 * @example A norm of 5 becomes one of 1
 * ```ts
 * import { clipGradients } from "tinygraft";
 * import { assertAlmostEquals, assertEquals } from "@std/assert";
 *
 * const gradients = [Float64Array.of(3), Float64Array.of(0, 4)];
 * assertEquals(clipGradients(gradients, 1), 5);
 * assertAlmostEquals(gradients[1]![1]!, 0.8, 1e-6);
 * ```
 */
export function clipGradients(gradients: readonly Float64Array[], largest: number): number {
  let squares = 0;
  for (const gradient of gradients) {
    for (let i = 0; i < gradient.length; i++) squares += gradient[i]! * gradient[i]!;
  }
  const norm = Math.sqrt(squares);
  const factor = largest / (norm + NORM_EPSILON);
  if (largest > 0 && factor < 1) {
    for (const gradient of gradients) {
      for (let i = 0; i < gradient.length; i++) gradient[i]! *= factor;
    }
  }
  return norm;
}
