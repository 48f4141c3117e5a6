/**
 * The reference backend: every operation by its definition, in f64, on the CPU. It needs no device
 * and is the ground truth for the others.
 *
 * @module
 */

import {
  type Backend,
  type BatchSize,
  checkBatch,
  checkMatrix,
  destroyedError,
  refuseUnknown,
  refuseWithoutBatch,
  selectedTokens,
  type Waited,
} from "../backend.ts";
import { activate, slopes } from "../ops/activation/reference.ts";
import { add } from "../ops/add/reference.ts";
import type { AttentionDropout } from "../ops/attention/dropout.ts";
import type { DropoutNumbers } from "../ops/attention/dropout_reference.ts";
import { attention } from "../ops/attention/reference.ts";
import { attentionBackward } from "../ops/attention_backward/reference.ts";
import { layerNorm } from "../ops/layer_norm/reference.ts";
import { layerNormBackward } from "../ops/layer_norm_backward/reference.ts";
import { layerNormGradient } from "../ops/layer_norm_gradient/reference.ts";
import { linear } from "../ops/linear/reference.ts";
import { linearGradient } from "../ops/linear_gradient/reference.ts";
import { type BackwardOp, checkOp, type Op } from "../ops/op.ts";
import { multiply } from "../ops/multiply/reference.ts";
import { scatter } from "../ops/scatter/reference.ts";
import { select } from "../ops/select/reference.ts";
import { tinyAttention } from "../ops/tiny_attention/reference.ts";
import { type RaggedBatch, type RowsFollow, rowsOf, type Value, type Weight } from "../value.ts";

/** Tokens of a batch unless asked otherwise: a batch of a small BERT then takes seconds. */
const DEFAULT_MAX_TOKENS = 256;

/** How long recorded work may hold the thread, in milliseconds, before other events get a turn. */
const TURN_MS = 50;

/** Runs operations by their f64 definitions. */
export class ReferenceBackend implements Backend {
  /** Which backend this is. */
  readonly name = "reference";
  /** The CPU does the work. */
  readonly software = true;
  /** One line for people. */
  readonly description = "reference (f64 on the CPU, one thread)";
  /** Tokens that a batch may hold. */
  readonly maxTokens: number;
  /** How long `read` has taken so far. */
  readonly waited: Waited = { compute: 0, readback: 0 };

  readonly #weights = new Map<Weight, Float32Array<ArrayBuffer>>();
  readonly #values = new Map<Value, Float64Array<ArrayBuffer>>();
  #steps: (() => void)[] = [];
  #batch: Required<RaggedBatch> | undefined;
  #lastRead: Promise<unknown> = Promise.resolve();
  #destroyed = false;

  /**
   * Opens the backend.
   *
   * @param options How many tokens a batch may hold, 256 when left out.
   */
  constructor({ maxTokens, minTokens = 1 }: BatchSize = {}) {
    this.maxTokens = maxTokens ?? Math.max(minTokens, DEFAULT_MAX_TOKENS);
  }

  /** {@inheritDoc Backend.weight} */
  weight(label: string, data: Float32Array, rows: number, cols: number): Weight {
    this.#assertAlive("make a weight");
    checkMatrix(label, data.length, rows, cols);
    const weight = { label, rows, cols };
    this.#weights.set(weight, new Float32Array(data));
    return weight;
  }

  /** {@inheritDoc Backend.value} */
  value(label: string, rowsFollow: RowsFollow, cols: number): Value {
    this.#assertAlive("make a value");
    checkMatrix(label, cols, 1, cols);
    const value = { label, rowsFollow, cols };
    const rows = rowsOf(value, { tokens: this.maxTokens, sequences: this.maxTokens });
    this.#values.set(value, new Float64Array(rows * cols));
    return value;
  }

  /** {@inheritDoc Backend.begin} */
  begin(batch: RaggedBatch): void {
    this.#assertAlive("begin a batch");
    checkBatch(batch, this.maxTokens);
    const { tokens, starts } = batch;
    this.#batch = { tokens, starts: starts.slice(), selected: selectedTokens(batch).slice() };
  }

  /** {@inheritDoc Backend.write} */
  write(value: Value, data: Float32Array): void {
    this.#assertAlive("write");
    const rows = this.#rows(value, this.#current());
    checkMatrix(value.label, data.length, rows, value.cols);
    const [target, copy] = [this.#numbers(value), data.slice()];
    this.#steps.push(() => target.set(copy));
  }

  /** {@inheritDoc Backend.run} */
  run(op: Op): void {
    this.#assertAlive(`run ${op.op}`);
    checkOp(op);
    this.#steps.push(this.#prepare(op, this.#current()));
  }

  /** {@inheritDoc Backend.read} */
  async read(values: readonly Value[]): Promise<Float32Array<ArrayBuffer>[]> {
    this.#assertAlive("read");
    const batch = this.#current();
    const targets = values.map((value) => {
      const numbers = this.#numbers(value);
      return numbers.subarray(0, this.#rows(value, batch) * value.cols);
    });
    const steps = this.#steps.splice(0);
    const result = this.#lastRead.then(() => this.#execute(steps, targets));
    this.#lastRead = result.catch(() => {}); // the caller hears of it; the next read waits only
    return await result;
  }

  /** {@inheritDoc Backend.free} */
  free(resource: Value | Weight): void {
    this.#weights.delete(resource as Weight); // recorded steps hold the arrays that they need
    this.#values.delete(resource as Value);
  }

  /** {@inheritDoc Backend.destroy} */
  destroy(): void {
    this.#destroyed = true;
    this.#steps = [];
    this.#weights.clear();
    this.#values.clear();
  }

  /** Does what was recorded, letting other events in from time to time, and copies results out. */
  async #execute(
    steps: readonly (() => void)[],
    targets: readonly Float64Array<ArrayBuffer>[],
  ): Promise<Float32Array<ArrayBuffer>[]> {
    const started = performance.now();
    let turn = started;
    for (const step of steps) {
      step();
      if (performance.now() - turn < TURN_MS) continue;
      await new Promise((resolve) => setTimeout(resolve));
      this.#assertAlive("read");
      turn = performance.now();
    }
    this.#assertAlive("read");
    const computed = performance.now();
    const results = targets.map((numbers) => Float32Array.from(numbers));
    this.waited.compute += (computed - started) / 1000;
    this.waited.readback += (performance.now() - computed) / 1000;
    return results;
  }

  /** Looks up the arrays of an operation and returns what computes it. */
  #prepare(op: Op, batch: Required<RaggedBatch>): () => void {
    const { starts, selected } = batch;
    switch (op.op) {
      case "linear": {
        const [x, y] = [this.#input(op.x, batch), this.#numbers(op.y)];
        const [weight, bias] = [this.#constant(op.weight), this.#constant(op.bias)];
        const shape = { rows: this.#rows(op.x, batch), inner: op.x.cols, cols: op.y.cols };
        const residual = op.residual && this.#input(op.residual, batch);
        return () => {
          const sums = linear(x, weight, bias, shape, op.activation);
          y.set(residual === undefined ? sums : add(sums, residual));
        };
      }
      case "layerNorm": {
        const [x, y] = [this.#input(op.x, batch), this.#numbers(op.y)];
        const residual = op.residual && this.#input(op.residual, batch);
        const [weight, bias] = [this.#constant(op.weight), this.#constant(op.bias)];
        return () => y.set(layerNorm(x, residual, weight, bias, op.eps));
      }
      case "attention": {
        const [qkv, y] = [this.#input(op.qkv, batch), this.#numbers(op.y)];
        const shape = { numHeads: op.numHeads, headDim: op.y.cols / op.numHeads };
        const rows = op.y.rowsFollow === "sequences" ? selected : undefined;
        const dropout = this.#dropout(op, batch);
        return () => y.set(attention(qkv, starts, shape, { selected: rows, dropout }));
      }
      case "tinyAttention": {
        const [a, y] = [this.#input(op.a, batch), this.#numbers(op.y)];
        const module = {
          normWeight: this.#constant(op.normWeight),
          normBias: this.#constant(op.normBias),
          eps: op.eps,
          qkvWeight: this.#constant(op.qkvWeight),
          qkvBias: this.#constant(op.qkvBias),
          numHeads: op.numHeads,
          headDim: op.headDim,
          scale: op.scale,
          outputWeight: this.#constant(op.outputWeight),
          outputBias: this.#constant(op.outputBias),
          updateOnly: op.updateOnly ?? false,
        };
        this.#numbers(op.scratch);
        return () => y.set(tinyAttention(a, starts, module));
      }
      case "select": {
        const [x, y] = [this.#input(op.x, batch), this.#numbers(op.y)];
        return () => y.set(select(x, selected, op.y.cols));
      }
      case "add": {
        const [x, residual] = [this.#input(op.x, batch), this.#input(op.residual, batch)];
        const y = this.#numbers(op.y);
        return () => y.set(add(x, residual));
      }
      case "activation": {
        const [x, y] = [this.#input(op.x, batch), this.#numbers(op.y)];
        const slope = op.slope && this.#numbers(op.slope);
        return () => {
          y.set(activate(x, op.activation));
          slope?.set(slopes(x, op.activation));
        };
      }
      case "multiply": {
        const [x, factor] = [this.#input(op.x, batch), this.#input(op.factor, batch)];
        const y = this.#numbers(op.y);
        return () => y.set(multiply(x, factor));
      }
      default:
        return this.#prepareBackward(op, batch);
    }
  }

  /** The same for what takes gradients back. */
  #prepareBackward(op: BackwardOp, batch: Required<RaggedBatch>): () => void {
    const { tokens, starts, selected } = batch;
    switch (op.op) {
      case "layerNormBackward": {
        const [x, dy] = [this.#input(op.x, batch), this.#input(op.dy, batch)];
        const residual = op.residual && this.#input(op.residual, batch);
        const [weight, dx] = [this.#constant(op.weight), this.#numbers(op.dx)];
        return () => dx.set(layerNormBackward(x, residual, weight, op.eps, dy));
      }
      case "layerNormGradient": {
        const [x, dy] = [this.#input(op.x, batch), this.#input(op.dy, batch)];
        const gradient = this.#numbers(op.gradient);
        return () => gradient.set(layerNormGradient(x, op.eps, dy, op.x.cols));
      }
      case "attentionBackward": {
        const [qkv, dy] = [this.#input(op.qkv, batch), this.#input(op.dy, batch)];
        const dqkv = this.#numbers(op.dqkv);
        const shape = { numHeads: op.numHeads, headDim: op.dy.cols / op.numHeads };
        const dropout = this.#dropout(op, batch);
        return () => dqkv.set(attentionBackward(qkv, dy, starts, shape, dropout));
      }
      case "linearGradient": {
        const [x, dy] = [this.#input(op.x, batch), this.#input(op.dy, batch)];
        const gradient = this.#numbers(op.gradient);
        const shape = { inner: op.x.cols, cols: op.dy.cols };
        return () => gradient.set(linearGradient(x, dy, shape));
      }
      case "scatter": {
        const [x, y] = [this.#input(op.x, batch), this.#numbers(op.y)];
        return () => y.set(scatter(x, selected, tokens, op.y.cols));
      }
    }
  }

  #rows(value: Value, batch: RaggedBatch): number {
    return rowsOf(value, { tokens: batch.tokens, sequences: batch.starts.length - 1 });
  }

  #dropout(
    { keys, dropout }: AttentionDropout,
    batch: RaggedBatch,
  ): DropoutNumbers | undefined {
    if (keys === undefined || dropout === undefined) return undefined;
    return { keys: this.#input(keys, batch), dropout };
  }

  #input(value: Value, batch: RaggedBatch): Float64Array<ArrayBuffer> {
    return this.#numbers(value).subarray(0, this.#rows(value, batch) * value.cols);
  }

  #numbers(value: Value): Float64Array<ArrayBuffer> {
    return this.#values.get(value) ?? refuseUnknown(value);
  }

  #constant(weight: Weight): Float32Array<ArrayBuffer> {
    return this.#weights.get(weight) ?? refuseUnknown(weight);
  }

  #current(): Required<RaggedBatch> {
    return this.#batch ?? refuseWithoutBatch();
  }

  #assertAlive(action: string): void {
    if (this.#destroyed) throw destroyedError(action);
  }
}
