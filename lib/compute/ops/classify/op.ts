/**
 * The `classify` operation: a linear classifier on the first token of each sequence.
 *
 * @module
 */

import type { Value, Weight } from "../../value.ts";
import { expectCols, expectDistinct, expectRows, expectShape } from "../guards.ts";

/** `y[b] = x[starts[b]] · weightᵀ + bias`: logits from each sequence's first token. */
export interface ClassifyOp {
  /** Which operation this is. */
  readonly op: "classify";
  /** Last hidden states, `[tokens, H]`. */
  readonly x: Value;
  /** Classifier weight, `[labels, H]`. */
  readonly weight: Weight;
  /** Classifier bias, `[1, labels]`. */
  readonly bias: Weight;
  /** Logits, `[sequences, labels]`. */
  readonly y: Value;
}

/**
 * Checks the shapes of a `classify` operation.
 *
 * @param op The operation.
 * @throws {TypeError} When a shape does not fit.
 */
export function checkClassify({ x, weight, bias, y }: ClassifyOp): void {
  expectRows("classify", x, "tokens");
  expectRows("classify", y, "sequences");
  expectCols("classify", x, weight.cols);
  expectShape("classify", bias, 1, weight.rows);
  expectCols("classify", y, weight.rows);
  expectDistinct("classify", [y], [x]);
}
