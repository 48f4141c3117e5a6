/**
 * Attention in WebAssembly, one head of one sequence at a time: its keys and values are packed into
 * panels, and two matrix products with a softmax in between make some rows of the result.
 *
 * @module
 */

import { type F32, I32, V128 } from "../../assembler/expressions.ts";
import type { FunctionBuilder, ModuleBuilder } from "../../assembler/module.ts";
import { defineKernel, F32_BYTES, type KernelSpec, PANEL, TILE_ROWS } from "../job.ts";
import type { PanelFunction } from "../linear/assembly.ts";
import { exp, maxOf, sumOf } from "../vector_math.ts";
import { dropRow } from "./dropout_assembly.ts";
import { type AttentionParts, forEachPanel } from "./packing.ts";

const VECTOR_BYTES = 16;

/** Queries whose scores are in memory at once. */
const QUERY_ROWS = 32;

/**
 * Scores further below the largest have no weight, as masked ones: in f32 they add nothing to it,
 * and processors take about a hundred times as long for products of numbers below the normal ones.
 */
const LEAST_EXPONENT = -80;

/** Integers that the kernel is told; strides and addresses are in bytes. */
export type AttentionInt =
  | "qkv"
  | "qkvStride"
  | "hidden" // columns of the queries, in elements; keys and values follow them
  | "numHeads"
  | "headDim"
  | "starts"
  | "selected" // the one query of each sequence; 0 for all tokens
  | "masks"
  | "y"
  | "yStride"
  | "heads" // heads of all sequences: what there is to do
  | "headsPerChunk"
  | "keys" // of dropout, four floats a token; 0 where nothing is dropped
  | "keysStride"
  | "threshold"; // entries of fewer bits are dropped

const INTS: readonly AttentionInt[] = [
  "qkv",
  "qkvStride",
  "hidden",
  "numHeads",
  "headDim",
  "starts",
  "selected",
  "masks",
  "y",
  "yStride",
  "heads",
  "headsPerChunk",
  "keys",
  "keysStride",
  "threshold",
];

/** Floats that the kernel is told; the last is what dropout multiplies by what it keeps. */
export type AttentionFloat = "scale" | "gain" | "keepGain";

/** What the kernel is told. */
type Args = Record<AttentionInt, I32> & Record<AttentionFloat, F32>;

/** The kernel of `attention`: scores are scaled before the softmax, its weights gained after. */
export const ATTENTION: KernelSpec<AttentionInt, AttentionFloat> = {
  name: "attention",
  ints: INTS,
  floats: ["scale", "gain", "keepGain"],
};

/**
 * Bytes that the kernel needs for itself.
 *
 * @param longest Tokens of the longest sequence.
 * @param headDim Columns of a head, in elements.
 * @returns The bytes.
 */
export function attentionScratch(longest: number, headDim: number): number {
  const [length, width] = [longest, headDim].map((n) => Math.ceil(n / PANEL) * PANEL);
  return F32_BYTES * (length! * headDim + width! * longest + QUERY_ROWS * (length! + width!));
}

/**
 * Adds the kernel of `attention`.
 *
 * @param module The module.
 * @param parts The functions that it calls.
 */
export function defineAttention(module: ModuleBuilder, parts: AttentionParts): void {
  defineKernel(module, ATTENTION, (f, args, { chunk, scratch }) => {
    const begin = f.let(chunk.mul(args.headsPerChunk));
    const end = f.let(begin.add(args.headsPerChunk).min(args.heads));
    f.for(begin, end, 1, (item) => attendHead(f, args, item, scratch, parts));
  });
}

/** Computes one head of one sequence. */
function attendHead(
  f: FunctionBuilder,
  args: Args,
  item: I32,
  scratch: I32,
  parts: AttentionParts,
): void {
  const { qkvStride, hidden, headDim: cols } = args;
  const sequence = f.let(item.div(args.numHeads));
  const start = args.starts.add(sequence.shl(2));
  const first = f.let(start.loadI32());
  const length = f.let(start.loadI32(4).sub(first));
  const head = f.let(item.rem(args.numHeads));
  const column = f.let(head.mul(cols).mul(F32_BYTES));
  const hiddenBytes = f.let(hidden.mul(F32_BYTES));
  const from = f.let(args.qkv.add(column).add(first.mul(qkvStride)).add(hiddenBytes));
  const values = f.let(scratch.add(length.roundUp(PANEL).mul(cols).mul(F32_BYTES)));
  const scores = f.let(values.add(cols.roundUp(PANEL).mul(length).mul(F32_BYTES)));
  const packed = { stride: qkvStride, length, cols };
  f.call(parts.packKeys, { ...packed, from, to: scratch });
  f.call(parts.packValues, { ...packed, from: from.add(hiddenBytes), to: values });
  // Queries are tokens [query, queryEnd); their results are rows of y from `row` on.
  const query = f.let(first);
  const queryEnd = f.let(first.add(length));
  const row = f.let(first);
  f.when(args.selected, () => {
    f.set(query, args.selected.add(sequence.shl(2)).loadI32());
    f.set(queryEnd, query.add(1));
    f.set(row, sequence);
  });
  f.while(query.lt(queryEnd), () => {
    const rows = f.let(queryEnd.sub(query).min(QUERY_ROWS));
    attendRows(f, args, parts.product, {
      rows,
      length,
      head,
      key: args.keys.add(query.mul(args.keysStride)),
      queries: args.qkv.add(column).add(query.mul(qkvStride)),
      keys: scratch,
      values,
      scores,
      y: args.y.add(column).add(row.mul(args.yStride)),
    });
    f.set(query, query.add(rows));
    f.set(row, row.add(rows));
  });
}

/** Computes some rows of one head: scores, softmax, context, then a copy of what is wanted of it. */
function attendRows(
  f: FunctionBuilder,
  args: Args,
  product: PanelFunction,
  at: Readonly<
    Record<"rows" | "length" | "head" | "key" | "queries" | "keys" | "values" | "scores" | "y", I32>
  >,
): void {
  const { length, keys, values, scores } = at;
  const rows = f.let(at.rows.roundUp(TILE_ROWS));
  const stride = f.let(length.roundUp(PANEL).mul(F32_BYTES));
  const queries = f.let(at.queries);
  forEachPanel(f, keys, length, args.headDim, (panel, column) => {
    // Columns past the last key get the mask added.
    const rest = length.sub(column).min(PANEL);
    const bias = args.masks.add(I32.of(PANEL).sub(rest).mul(F32_BYTES));
    const y = scores.add(column.mul(F32_BYTES));
    const params = { panel, inner: args.headDim, rows, bias, y, yStride: stride };
    f.call(product, { ...params, x: queries, xStride: args.qkvStride });
  });
  const context = f.let(scores.add(stride.mul(QUERY_ROWS)));
  const key = f.let(at.key);
  f.for(scores, f.let(scores.add(at.rows.mul(stride))), stride, (row) => {
    softmaxRow(f, row, length, args);
    f.when(args.keys, () => {
      dropRow(f, row, length, { ...args, head: at.head, key });
      f.set(key, key.add(args.keysStride));
    });
  });
  const width = f.let(args.headDim.roundUp(PANEL).mul(F32_BYTES));
  forEachPanel(f, values, args.headDim, length, (panel, column) => {
    const y = context.add(column.mul(F32_BYTES));
    const params = { panel, inner: length, rows, bias: args.masks, y, yStride: width };
    f.call(product, { ...params, x: scores, xStride: stride });
  });
  const y = f.let(at.y);
  f.for(context, f.let(context.add(at.rows.mul(width))), width, (row) => {
    f.copy(y, row, args.headDim.mul(F32_BYTES));
    f.set(y, y.add(args.yStride));
  });
}

/**
 * Replaces a row of scores by `gain * softmax(scale * scores)`, in place; four at a time.
 *
 * @param f The function to append to.
 * @param row The address of the scores; past the last stand masked ones.
 * @param length How many there are.
 * @param factors The two factors.
 */
export function softmaxRow(
  f: FunctionBuilder,
  row: I32,
  length: I32,
  { scale, gain }: { readonly scale: F32; readonly gain: F32 },
): void {
  const end = f.let(row.add(length.mul(F32_BYTES)));
  const each = (body: (at: I32) => void) => f.for(row, end, VECTOR_BYTES, body);
  const most = f.let(row.load());
  each((at) => f.set(most, most.max(at.load())));
  const shift = f.let(maxOf(most).splat());
  const factor = f.let(scale.splat());
  const sum = f.let(V128.zero());
  each((at) => {
    const below = f.let(at.load().sub(shift).mul(factor));
    const weight = f.let(exp(f, below).and(f.constant(LEAST_EXPONENT).lt(below)));
    f.store(at, weight);
    f.set(sum, sum.add(weight));
  });
  const share = f.let(gain.div(sumOf(sum)).splat());
  each((at) => f.store(at, at.load().mul(share)));
}
