/**
 * A head at the end of the forward pass: from one hidden state a sequence to logits.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import type { Value } from "../compute/value.ts";
import type { HeadWeights } from "./load.ts";

/** A head with its workspace on a backend, which owns everything and frees it when destroyed. */
export class Head {
  /** What the head computes, `[sequences, labels]`. */
  readonly logits: Value;
  readonly #backend: Backend;
  readonly #weights: HeadWeights;
  readonly #layerNormEps: number;
  readonly #dense: Value | undefined;
  readonly #normed: Value | undefined;

  /**
   * Creates the workspace.
   *
   * @param backend Where the weights lie.
   * @param weights The head's weights.
   * @param options What it belongs to, for messages; epsilon of the LayerNorm that it may have.
   */
  constructor(
    backend: Backend,
    weights: HeadWeights,
    { label, layerNormEps }: { readonly label: string; readonly layerNormEps: number },
  ) {
    const value = (what: string, cols: number) =>
      backend.value(`${what} of ${label}`, "sequences", cols);
    const { transform } = weights;
    this.#backend = backend;
    this.#weights = weights;
    this.#layerNormEps = layerNormEps;
    this.logits = value("logits", weights.numLabels);
    this.#dense = transform && value("dense", transform.dense.weight.rows);
    this.#normed = transform?.norm && value("normed", transform.norm.weight.cols);
  }

  /**
   * Records the head.
   *
   * @param input The selected hidden states, `[sequences, hidden_size]`.
   */
  record(input: Value): void {
    const { transform, classifier } = this.#weights;
    let x = input;
    if (transform !== undefined && this.#dense !== undefined) {
      const { dense, activation, norm } = transform;
      this.#backend.run({ op: "linear", x, ...dense, activation, y: this.#dense });
      x = this.#dense;
      if (norm !== undefined && this.#normed !== undefined) {
        const eps = this.#layerNormEps;
        this.#backend.run({ op: "layerNorm", x, ...norm, eps, y: this.#normed });
        x = this.#normed;
      }
    }
    this.#backend.run({ op: "linear", x, ...classifier, activation: "none", y: this.logits });
  }
}
