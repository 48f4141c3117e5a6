/**
 * What stands between hidden states and a loss while an adapter is trained: its own classifier,
 * which is trained with it, or a frozen head of the base's.
 *
 * @module
 */

import type { Backend } from "../compute/backend.ts";
import type { Value } from "../compute/value.ts";
import type { FrozenHead } from "../runtime/training_head.ts";
import { classify, classifyBack } from "./classifier.ts";
import type { TrainableAdapter } from "./trainable.ts";

/**
 * A head as steps and evaluations run it. For each pass: record `forward` and read what it gives;
 * then `outputs`, the loss, `back`; then record `backward`.
 */
export interface OutputHead {
  /** Outputs a row, which the loss is about: classes, or 1 for a score. */
  readonly numOutputs: number;
  /** How many of them, from the first on, a prediction may be: all but for a whole vocabulary. */
  readonly numClasses: number;

  /**
   * Records what the device does of the way forward.
   *
   * @param pass Which pass, from 0: whose activations are overwritten.
   * @param selected The selected hidden states, `[sequences, hidden_size]`.
   * @returns What the host is to read.
   */
  forward(pass: number, selected: Value): Value;

  /**
   * Does the rest on the host.
   *
   * @param states What was read, f32, row-major.
   * @param factors What dropout multiplies a trained head's inputs with, f64 [rows, hidden_size].
   * @returns The outputs, f64 [rows, outputs], row-major.
   */
  outputs(states: Float32Array, factors?: Float64Array): Float64Array;

  /**
   * Takes the gradient of the outputs back to what was read, and adds to the head's own gradients.
   *
   * @param gradient With respect to the outputs, f64 [rows, outputs], row-major.
   * @param states What `outputs` was given.
   * @param factors What it was given.
   * @returns With respect to what was read, f32 of its shape.
   */
  back(gradient: Float64Array, states: Float32Array, factors: Float64Array): Float32Array;

  /**
   * Records what the device does of the way back.
   *
   * @param pass The pass, whose `forward` was recorded in this batch.
   * @param gradient With respect to what was read, f32; copied.
   * @param into What to write: that with respect to the selected hidden states,
   * `[sequences, hidden_size]`.
   */
  backward(pass: number, gradient: Float32Array, into: Value): void;
}

/**
 * Makes the head that trains with its adapter: the classifier, on the host.
 *
 * @param backend The device, which gives and takes the selected hidden states.
 * @param adapter The adapter; the classifier's gradients stand in its parameters.
 * @returns The head.
 * @throws {TypeError} when the adapter has no classifier.
 */
export function classifierHead(backend: Backend, adapter: TrainableAdapter): OutputHead {
  const { weight, bias } = adapter.classifier;
  const values = { weight: weight.values, bias: bias.values };
  const gradients = { weight: weight.gradient, bias: bias.gradient };
  return {
    numOutputs: bias.values.length,
    numClasses: bias.values.length,
    forward: (_pass, selected) => selected,
    outputs: (states, factors) => classify(states, values, factors),
    back: (gradient, states, factors) => classifyBack(gradient, states, values, factors, gradients),
    backward: (_pass, gradient, into) => backend.write(into, gradient),
  };
}

/**
 * Makes the head that stays as it is: one of the base's, on the device. Dropout does not touch it.
 *
 * @param head The head on its device.
 * @param numClasses How many of its outputs, from the first on, a prediction may be.
 * @returns The head.
 */
export function frozenHead(head: FrozenHead, numClasses: number): OutputHead {
  return {
    numOutputs: head.numOutputs,
    numClasses,
    forward: (pass, selected) => head.forward(pass, selected),
    outputs: (states) => Float64Array.from(states),
    back: (gradient) => Float32Array.from(gradient),
    backward: (pass, gradient, into) => head.backward(pass, gradient, into),
  };
}
