/**
 * A frozen head while an adapter is trained below it: forward to outputs, and back to the hidden
 * states that it read.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import type { Value, Weight } from "../compute/value.ts";
import type { HeadWeights, WeightAndBias } from "./load.ts";
import { ZeroBiases } from "./transposed.ts";

/** The transposed linear layers of a head with a dense layer, which take gradients back. */
export interface TransposedHead {
  /** Of the dense layer: `[hidden_size, width]`. */
  readonly dense: Weight;
  /** Of the last layer: `[width, outputs]`. */
  readonly output: Weight;
}

/** What a frozen head runs on. */
export interface FrozenHeadOptions {
  /** Where the weights lie. */
  readonly backend: Backend;
  /** The head, from `loadMaskedLmHead`: a dense layer, its LayerNorm, and a last layer. */
  readonly head: HeadWeights;
  /** Its transposed layers, from `loadTransposedHead`. */
  readonly transposed: TransposedHead;
  /** Epsilon of its LayerNorm. */
  readonly layerNormEps: number;
  /** Passes over a batch whose activations are kept at once. */
  readonly passes: number;
}

/** What one pass keeps; all `[sequences, …]`. */
interface SavedHead {
  /** The activation's slope at what goes into it. */
  readonly slope: Value;
  /** What comes out of it, which the LayerNorm reads. */
  readonly activated: Value;
  /** The outputs. */
  readonly logits: Value;
}

/** A linear layer with its transpose. */
interface Layer {
  readonly forward: WeightAndBias;
  readonly back: WeightAndBias;
}

/**
 * Runs a head for masked tokens forward and back. Nothing of it is trained: gradients go through to
 * the hidden states. The backend owns what this puts there.
 *
 * Use: for each pass `forward`, then read the outputs; for each pass `backward` with the loss's
 * gradient there, before the encoder's own way back is recorded.
 */
export class FrozenHead {
  /** Outputs a sequence. */
  readonly numOutputs: number;
  readonly #backend: Backend;
  readonly #dense: Layer;
  readonly #output: Layer;
  readonly #activation: NonNullable<HeadWeights["transform"]>["activation"];
  readonly #norm: WeightAndBias;
  readonly #eps: number;
  readonly #passes: readonly SavedHead[];
  /** Between two steps of either way, `[sequences, width]`; and the gradient of the outputs. */
  readonly #wide: readonly [Value, Value];
  readonly #slopes: Value;

  /**
   * Makes room for the activations of all passes.
   *
   * @param options The head on its backend and the number of passes.
   * @throws {TypeError} when the head has no dense layer with a LayerNorm.
   */
  constructor({ backend, head, transposed, layerNormEps, passes }: FrozenHeadOptions) {
    const { transform, classifier, numLabels } = head;
    if (transform?.norm === undefined) {
      throw new TypeError(
        "Cannot train below a head without a LayerNorm: take one of masked tokens",
      );
    }
    const { dense, activation, norm } = transform;
    const width = dense.weight.rows;
    const value = (what: string, cols: number) =>
      backend.value(`${what} of the frozen head`, "sequences", cols);
    this.numOutputs = numLabels;
    this.#backend = backend;
    const biases = new ZeroBiases(backend);
    this.#dense = { forward: dense, back: biases.join(transposed.dense) };
    this.#output = { forward: classifier, back: biases.join(transposed.output) };
    this.#activation = activation;
    this.#norm = norm;
    this.#eps = layerNormEps;
    this.#passes = Array.from({ length: passes }, () => ({
      slope: value("slope", width),
      activated: value("activated", width),
      logits: value("outputs", numLabels),
    }));
    this.#wide = [value("gradient 0", width), value("gradient 1", width)];
    this.#slopes = value("gradient of the outputs", numLabels);
  }

  /**
   * Records one pass forward.
   *
   * @param pass Which pass, from 0: whose activations are overwritten.
   * @param selected The selected hidden states, `[sequences, hidden_size]`.
   * @returns The outputs, `[sequences, outputs]`, to read before the next batch.
   */
  forward(pass: number, selected: Value): Value {
    const { slope, activated, logits } = this.#passes[pass]!;
    const [normed, x] = this.#wide;
    this.#linear(selected, this.#dense.forward, x);
    const activation = this.#activation;
    this.#backend.run({ op: "activation", x, activation, slope, y: activated });
    const eps = this.#eps;
    this.#backend.run({ op: "layerNorm", x: activated, ...this.#norm, eps, y: normed });
    this.#linear(normed, this.#output.forward, logits);
    return logits;
  }

  /**
   * Records the way back of one pass.
   *
   * @param pass The pass, whose `forward` was recorded in this batch.
   * @param gradient The loss's gradient with respect to the outputs, f32 [sequences, outputs],
   * row-major; copied.
   * @param into What to write: the gradient with respect to the selected hidden states,
   * `[sequences, hidden_size]`.
   */
  backward(pass: number, gradient: Float32Array, into: Value): void {
    const { slope, activated } = this.#passes[pass]!;
    const [one, other] = this.#wide;
    this.#backend.write(this.#slopes, gradient);
    this.#linear(this.#slopes, this.#output.back, one);
    const { weight } = this.#norm;
    const norm = { x: activated, weight, eps: this.#eps };
    this.#backend.run({ op: "layerNormBackward", ...norm, dy: one, dx: other });
    this.#backend.run({ op: "multiply", x: other, factor: slope, y: one });
    this.#linear(one, this.#dense.back, into);
  }

  #linear(x: Value, { weight, bias }: WeightAndBias, y: Value): void {
    this.#backend.run({ op: "linear", x, weight, bias, activation: "none", y });
  }
}
