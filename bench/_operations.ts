// Single operations: what they cost by arithmetic, encoder-shaped ones to time, and a stopwatch.

import type { Backend } from "../lib/compute/backend.ts";
import type { ActivationOp, AddOp, ForwardOp, MultiplyOp } from "../lib/compute/ops/op.ts";
import type { RaggedBatch, Value, Weight } from "../lib/compute/value.ts";

const F32_BYTES = 4;

/** An operation of an encoder that is not trained. */
export type EncoderOp = Exclude<ForwardOp, AddOp | MultiplyOp | ActivationOp>;

/** What an operation costs at least. */
export interface Cost {
  /** Floating-point operations, counting a multiplication and an addition as two. */
  readonly flops: number;
  /** Bytes of inputs, weights and outputs, each counted once. */
  readonly bytes: number;
}

/** An operation to time. */
export interface Job {
  /** The operation with its sizes. */
  readonly name: string;
  /** The operation. */
  readonly op: EncoderOp;
}

/**
 * Counts what an operation costs on a batch.
 *
 * @param op The operation.
 * @param batch The batch.
 * @returns Its arithmetic and traffic; exponentials and square roots count as one operation.
 */
export function costOf(op: EncoderOp, batch: RaggedBatch): Cost {
  const { tokens, starts } = batch;
  const sequences = starts.length - 1;
  const rowsOf = ({ rowsFollow }: Value) => rowsFollow === "tokens" ? tokens : sequences;
  /** Pairs of a token that looks and a token that is looked at. */
  const pairs = (all: boolean) => {
    let sum = 0;
    for (let b = 0; b < sequences; b++) sum += (starts[b + 1]! - starts[b]!) ** (all ? 2 : 1);
    return sum;
  };
  switch (op.op) {
    case "linear": {
      const [rows, inner, cols] = [rowsOf(op.x), op.weight.cols, op.weight.rows];
      const elements = rows * (inner + cols) + cols * (inner + 1);
      return { flops: 2 * rows * inner * cols, bytes: F32_BYTES * elements };
    }
    case "layerNorm": {
      const elements = rowsOf(op.x) * op.x.cols;
      const operands = op.residual === undefined ? 2 : 3;
      return { flops: (6 + operands) * elements, bytes: F32_BYTES * operands * elements };
    }
    case "attention": {
      const all = op.y.rowsFollow === "tokens";
      const [count, hidden] = [pairs(all), op.y.cols];
      const elements = hidden * (3 * tokens + rowsOf(op.y));
      return { flops: count * (4 * hidden + 4 * op.numHeads), bytes: F32_BYTES * elements };
    }
    case "tinyAttention": {
      const [hidden, inner] = [op.a.cols, op.numHeads * op.headDim];
      const flops = tokens * hidden * (8 * inner + 10) + pairs(true) * 4 * (inner + op.numHeads);
      const elements = tokens * (2 * hidden + 3 * inner) + 4 * inner * hidden;
      return { flops, bytes: F32_BYTES * elements };
    }
    case "select":
      return { flops: 0, bytes: F32_BYTES * 2 * sequences * op.y.cols };
  }
}

/** Makes matrices of small numbers that never overflow; values are filled in the current batch. */
function makerOf(backend: Backend, tokens: number) {
  const waves = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i) / 10);
  return {
    value(label: string, cols: number): Value {
      const value = backend.value(label, "tokens", cols);
      backend.write(value, waves(tokens * cols));
      return value;
    },
    weight(label: string, rows: number, cols: number): Weight {
      return backend.weight(label, waves(rows * cols), rows, cols);
    },
  };
}

/**
 * The linear layers of one encoder layer: query, key and value as one; attention's output; up; down.
 *
 * @param backend Where they lie; a batch has begun.
 * @param tokens Tokens of the batch.
 * @param hidden Width of the hidden states.
 * @returns The four.
 */
export function linearsOf(backend: Backend, tokens: number, hidden: number): Job[] {
  const { value, weight } = makerOf(backend, tokens);
  const shapes = [[1, 3], [1, 1], [1, 4], [4, 1]] as const;
  const values = new Map([1, 3, 4].map((times) => [times, value("x", times * hidden)]));
  const other = value("y", hidden);
  return shapes.map(([inner, cols]) => {
    const x = values.get(inner)!;
    const target = values.get(cols)!;
    const op: EncoderOp = {
      op: "linear",
      x,
      weight: weight("w", cols * hidden, inner * hidden),
      bias: weight("bias", 1, cols * hidden),
      activation: cols === 4 ? "gelu" : "none",
      y: target === x ? other : target,
    };
    return { name: nameOf(op), op };
  });
}

/**
 * The other operations of an encoder layer, at MiniLM's shapes, with four adapter heads of width 1.
 *
 * @param backend Where they lie; a batch has begun.
 * @param tokens Tokens of the batch.
 * @returns LayerNorm, attention and tiny attention.
 */
export function othersOf(backend: Backend, tokens: number): Job[] {
  const [hidden, numHeads, adapterHeads] = [384, 12, 4];
  const { value, weight } = makerOf(backend, tokens);
  const [x, residual, y] = [value("x", hidden), value("residual", hidden), value("y", hidden)];
  const norm = weight("norm", 1, hidden);
  const ops: EncoderOp[] = [
    { op: "layerNorm", x, residual, weight: norm, bias: norm, eps: 1e-12, y },
    { op: "attention", qkv: value("qkv", 3 * hidden), numHeads, y },
    {
      op: "tinyAttention",
      a: x,
      normWeight: norm,
      normBias: norm,
      eps: 1e-5,
      qkvWeight: weight("qkv", 3 * adapterHeads, hidden),
      qkvBias: weight("qkv bias", 1, 3 * adapterHeads),
      numHeads: adapterHeads,
      headDim: 1,
      scale: 1,
      outputWeight: weight("output", hidden, adapterHeads),
      outputBias: norm,
      scratch: value("scratch", 3 * adapterHeads),
      y,
    },
  ];
  return ops.map((op) => ({ name: nameOf(op), op }));
}

/**
 * Names an operation by its kind and sizes.
 *
 * @param op The operation.
 * @returns The name.
 */
export function nameOf(op: EncoderOp): string {
  switch (op.op) {
    case "linear": {
      const activation = op.activation === "none" ? "" : ` + ${op.activation}`;
      return `linear ${op.weight.cols} to ${op.weight.rows}${activation}`;
    }
    case "layerNorm":
      return `layerNorm ${op.x.cols}${op.residual === undefined ? "" : " + residual"}`;
    case "attention":
      return `attention ${op.numHeads} x ${op.y.cols / op.numHeads}`;
    case "tinyAttention":
      return `tinyAttention ${op.numHeads} x ${op.headDim}`;
    case "select":
      return `select ${op.y.cols}`;
  }
}

/**
 * Times operations on the current batch: compiling and the wait's own cost are left out.
 *
 * @param backend Where they lie.
 * @param ops The operations, run one after the other.
 * @param lastingMs For how long they are repeated in one measurement, about.
 * @returns Seconds of one run of all of them, the best of three measurements.
 */
export async function timeOps(
  backend: Backend,
  ops: readonly EncoderOp[],
  lastingMs: number,
): Promise<number> {
  const probe = backend.value("probe", "sequences", 1);
  const time = async (times: number) => {
    const started = performance.now();
    for (let i = 0; i < times; i++) for (const op of ops) backend.run(op);
    await backend.read([probe]);
    return performance.now() - started;
  };
  const best = async (times: number, rounds: number) => {
    let least = Infinity;
    for (let round = 0; round < rounds; round++) least = Math.min(least, await time(times));
    return least;
  };
  await time(1); // compiles
  const idle = await best(0, 3);
  const once = Math.max(0.05, await best(1, 2) - idle);
  const times = Math.ceil(Math.min(400, lastingMs / once));
  const spent = Math.max(0.01, await best(times, 3) - idle);
  backend.free(probe);
  return spent / times / 1000;
}
