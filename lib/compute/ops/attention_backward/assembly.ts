/**
 * The way back through attention in WebAssembly, one head of one sequence at a time. Some rows of the
 * probabilities `P` and of the scores' gradient `S` are made by matrix products; they give these rows
 * of the queries' gradient and are put aside transposed, for the products that give the keys' and
 * values' gradients at the end.
 *
 * @module
 */

import { F32, I32 } from "../../assembler/expressions.ts";
import type { FunctionBuilder, ModuleBuilder } from "../../assembler/module.ts";
import { softmaxRow } from "../attention/assembly.ts";
import { dropRow } from "../attention/dropout_assembly.ts";
import { type AttentionParts, forEachPanel, transpose } from "../attention/packing.ts";
import { defineKernel, F32_BYTES, type KernelSpec, PANEL, TILE_ROWS } from "../job.ts";
import { sumOverRow } from "../row_sums.ts";

const VECTOR_BYTES = 16;
const LANES = 4;

/** Rows of probabilities that are in memory at once. */
const BLOCK = 32;

/** Integers that the kernel is told; strides and addresses are in bytes. */
export type AttentionBackwardInt =
  | "qkv"
  | "dqkv"
  | "qkvStride"
  | "dy"
  | "dyStride"
  | "hidden" // columns of the queries, in elements; keys and values follow them
  | "numHeads"
  | "headDim"
  | "starts"
  | "masks"
  | "heads" // heads of all sequences: what there is to do
  | "headsPerChunk"
  | "keys" // of dropout, four floats a token; 0 where nothing is dropped
  | "keysStride"
  | "threshold"; // entries of fewer bits are dropped

/** What the kernel is told. */
type Args = Record<AttentionBackwardInt, I32> & Record<"scale" | "keepGain", F32>;

/** The kernel of `attentionBackward`. */
export const ATTENTION_BACKWARD: KernelSpec<AttentionBackwardInt, "scale" | "keepGain"> = {
  name: "attentionBackward",
  ints: [
    "qkv",
    "dqkv",
    "qkvStride",
    "dy",
    "dyStride",
    "hidden",
    "numHeads",
    "headDim",
    "starts",
    "masks",
    "heads",
    "headsPerChunk",
    "keys",
    "keysStride",
    "threshold",
  ],
  floats: ["scale", "keepGain"],
};

/** Matrices of one head of one sequence in a thread's own memory, in this order. */
const PARTS = [
  "keys", // packed for sums over their columns, as are the values
  "values",
  "keyRows", // packed for sums over the rows, as are the queries and the gradient
  "queryRows",
  "slopeRows",
  "weights", // some rows of P, and as many of S
  "slopes",
  "result",
  "weightColumns", // P and S transposed
  "slopeColumns",
] as const;
type Part = (typeof PARTS)[number];

/** How many numbers each of them has. */
function partLengths<N>(
  length: { readonly exact: N; readonly rounded: N },
  headDim: { readonly exact: N; readonly rounded: N },
  product: (a: N, b: N | number) => N,
): Record<Part, N> {
  const byColumns = product(length.rounded, headDim.exact);
  const byRows = product(headDim.rounded, length.exact);
  const block = product(length.rounded, BLOCK);
  const square = product(length.rounded, length.rounded);
  return {
    keys: byColumns,
    values: byColumns,
    keyRows: byRows,
    queryRows: byRows,
    slopeRows: byRows,
    weights: block,
    slopes: block,
    result: product(headDim.rounded, BLOCK),
    weightColumns: square,
    slopeColumns: square,
  };
}

/**
 * Bytes that the kernel needs for itself.
 *
 * @param longest Tokens of the longest sequence.
 * @param headDim Columns of a head, in elements.
 * @returns The bytes.
 */
export function attentionBackwardScratch(longest: number, headDim: number): number {
  const sized = (exact: number) => ({ exact, rounded: Math.ceil(exact / PANEL) * PANEL });
  const lengths = partLengths(sized(longest), sized(headDim), (a, b) => a * b);
  return F32_BYTES * Object.values(lengths).reduce((sum, each) => sum + each, 0);
}

/**
 * Adds the kernel of `attentionBackward`.
 *
 * @param module The module.
 * @param parts The functions that it calls.
 */
export function defineAttentionBackward(module: ModuleBuilder, parts: AttentionParts): void {
  defineKernel(module, ATTENTION_BACKWARD, (f, args, { chunk, scratch }) => {
    const begin = f.let(chunk.mul(args.headsPerChunk));
    const end = f.let(begin.add(args.headsPerChunk).min(args.heads));
    f.for(begin, end, 1, (item) => headBackward(f, args, item, scratch, parts));
  });
}

/** One head of one sequence: what it reads and writes, and its matrices in scratch memory. */
interface Head {
  readonly length: I32;
  readonly headDim: I32;
  /** The head's number, and the first token's key. */
  readonly head: I32;
  readonly key: I32;
  /** The head's columns of the sequence's first row: queries, their gradient, the result's. */
  readonly queries: I32;
  readonly dQueries: I32;
  readonly dy: I32;
  /** Bytes from queries to keys, and from keys to values. */
  readonly hiddenBytes: I32;
  /** Bytes from a row of P and of S, and of their transposes, to the next. */
  readonly stride: I32;
  readonly scratch: Readonly<Record<Part, I32>>;
}

function headBackward(
  f: FunctionBuilder,
  args: Args,
  item: I32,
  scratch: I32,
  parts: AttentionParts,
): void {
  const { headDim, qkvStride } = args;
  const start = args.starts.add(item.div(args.numHeads).shl(2));
  const first = f.let(start.loadI32());
  const length = f.let(start.loadI32(4).sub(first));
  const number = f.let(item.rem(args.numHeads));
  const column = f.let(number.mul(headDim).mul(F32_BYTES));
  const offset = f.let(column.add(first.mul(qkvStride)));
  const head: Head = {
    length,
    headDim,
    head: number,
    key: f.let(args.keys.add(first.mul(args.keysStride))),
    queries: f.let(args.qkv.add(offset)),
    dQueries: f.let(args.dqkv.add(offset)),
    dy: f.let(args.dy.add(column).add(first.mul(args.dyStride))),
    hiddenBytes: f.let(args.hidden.mul(F32_BYTES)),
    stride: f.let(length.roundUp(PANEL).mul(F32_BYTES)),
    scratch: placeParts(f, length, headDim, scratch),
  };
  pack(f, args, head, parts);
  f.for(0, length, BLOCK, (row) => {
    const rows = f.let(length.sub(row).min(BLOCK));
    rowsBackward(f, args, head, { row, rows }, parts);
  });
  f.for(0, length, BLOCK, (row) => {
    const rows = f.let(length.sub(row).min(BLOCK));
    const keys = f.let(head.dQueries.add(head.hiddenBytes).add(row.mul(qkvStride)));
    const { slopeColumns, weightColumns, queryRows, slopeRows } = head.scratch;
    const from = f.let(row.mul(head.stride));
    const multiply = (x: I32, panels: I32, to: I32) =>
      multiplyRows(f, args, head, { x: x.add(from), panels, rows, to }, parts);
    multiply(slopeColumns, queryRows, keys);
    multiply(weightColumns, slopeRows, f.let(keys.add(head.hiddenBytes)));
  });
}

/** Gives every matrix its place in a thread's memory. */
function placeParts(
  f: FunctionBuilder,
  length: I32,
  headDim: I32,
  scratch: I32,
): Record<Part, I32> {
  const sized = (exact: I32) => ({ exact, rounded: f.let(exact.roundUp(PANEL)) });
  const lengths = partLengths(sized(length), sized(headDim), (a, b) => a.mul(b));
  let next = scratch;
  const places = PARTS.map((part) => {
    const place = next;
    next = f.let(place.add(lengths[part].mul(F32_BYTES)));
    return [part, place];
  });
  return Object.fromEntries(places);
}

/** Packs what the products of a head multiply by. */
function pack(f: FunctionBuilder, args: Args, head: Head, parts: AttentionParts): void {
  const { length, headDim: cols, hiddenBytes, scratch } = head;
  const [stride, queries] = [args.qkvStride, head.queries];
  const keys = f.let(queries.add(hiddenBytes));
  const packed = { stride, length, cols };
  f.call(parts.packKeys, { ...packed, from: keys, to: scratch.keys });
  f.call(parts.packKeys, { ...packed, from: keys.add(hiddenBytes), to: scratch.values });
  f.call(parts.packValues, { ...packed, from: keys, to: scratch.keyRows });
  f.call(parts.packValues, { ...packed, from: queries, to: scratch.queryRows });
  const dy = { from: head.dy, stride: args.dyStride };
  f.call(parts.packValues, { ...packed, ...dy, to: scratch.slopeRows });
}

/** Makes some rows of P and S, from S the queries' gradient, and puts both aside transposed. */
function rowsBackward(
  f: FunctionBuilder,
  args: Args,
  head: Head,
  { row, rows }: { readonly row: I32; readonly rows: I32 },
  parts: AttentionParts,
): void {
  const { length, headDim, stride, scratch } = head;
  const tiled = f.let(rows.roundUp(TILE_ROWS));
  const queries = f.let(head.queries.add(row.mul(args.qkvStride)));
  const dy = f.let(head.dy.add(row.mul(args.dyStride)));
  forEachPanel(f, scratch.keys, length, headDim, (panel, column) => {
    // Columns past the last key get the mask added.
    const rest = length.sub(column).min(PANEL);
    const bias = args.masks.add(I32.of(PANEL).sub(rest).mul(F32_BYTES));
    const y = scratch.weights.add(column.mul(F32_BYTES));
    const params = { panel, inner: headDim, rows: tiled, bias, y, yStride: stride };
    f.call(parts.product, { ...params, x: queries, xStride: args.qkvStride });
  });
  forEachPanel(f, scratch.values, length, headDim, (panel, column) => {
    const y = scratch.slopes.add(column.mul(F32_BYTES));
    const params = { panel, inner: headDim, rows: tiled, bias: args.masks, y, yStride: stride };
    f.call(parts.product, { ...params, x: dy, xStride: args.dyStride });
  });
  const slopes = f.let(scratch.slopes);
  const key = f.let(head.key.add(row.mul(args.keysStride)));
  const end = f.let(scratch.weights.add(rows.mul(stride)));
  f.for(scratch.weights, end, stride, (weights) => {
    softmaxRow(f, weights, length, { scale: args.scale, gain: F32.of(1) });
    const dropped = { ...args, head: head.head, key };
    f.when(args.keys, () => dropRow(f, slopes, length, dropped));
    softmaxBackward(f, { weights, slopes }, length, args.scale);
    f.when(args.keys, () => {
      dropRow(f, weights, length, dropped);
      f.set(key, key.add(args.keysStride));
    });
    f.set(slopes, slopes.add(stride));
  });
  const to = f.let(head.dQueries.add(row.mul(args.qkvStride)));
  const from = { x: scratch.slopes, panels: scratch.keyRows, rows, to };
  multiplyRows(f, args, head, from, parts);
  for (
    const [part, columns] of [["weights", "weightColumns"], ["slopes", "slopeColumns"]] as const
  ) {
    const aside = f.let(scratch[columns].add(row.mul(F32_BYTES)));
    transposeRows(f, { from: scratch[part], to: aside, stride }, tiled, length);
  }
}

/** Replaces a row of `dy vᵀ` by one of S, scaled: `scale * weights * (slopes - Σ weights slopes)`. */
function softmaxBackward(
  f: FunctionBuilder,
  { weights, slopes }: { readonly weights: I32; readonly slopes: I32 },
  length: I32,
  scale: F32,
): void {
  const products = (i: I32) => weights.add(i).load().mul(slopes.add(i).load());
  const mean = f.let(sumOverRow(f, length, products).splat());
  const factor = f.let(scale.splat());
  f.for(0, f.let(length.mul(F32_BYTES)), VECTOR_BYTES, (i) => {
    const change = slopes.add(i).load().sub(mean);
    f.store(slopes.add(i), weights.add(i).load().mul(change).mul(factor));
  });
}

/** Writes the transpose of some rows: each is `stride` bytes after the one before, on both sides. */
function transposeRows(
  f: FunctionBuilder,
  { from, to, stride }: Readonly<Record<"from" | "to" | "stride", I32>>,
  rows: I32,
  cols: I32,
): void {
  const row = f.let(from);
  const out = f.let(to);
  f.for(0, rows, LANES, () => {
    const column = f.let(row);
    const target = f.let(out);
    f.for(0, cols, LANES, () => {
      const four = [0, 1, 2, 3].map((i) => f.let(column.add(stride.mul(i)).load()));
      for (const turned of transpose(f, four)) {
        f.store(target, turned);
        f.set(target, target.add(stride));
      }
      f.set(column, column.add(VECTOR_BYTES));
    });
    f.set(row, row.add(stride.mul(LANES)));
    f.set(out, out.add(VECTOR_BYTES));
  });
}

/** Multiplies up to a block of rows by packed rows and copies the head's columns out. */
function multiplyRows(
  f: FunctionBuilder,
  args: Args,
  { length, headDim, stride, scratch }: Head,
  { x, panels, rows, to }: Readonly<Record<"x" | "panels" | "rows" | "to", I32>>,
  { product }: AttentionParts,
): void {
  const width = f.let(headDim.roundUp(PANEL).mul(F32_BYTES));
  const tiled = f.let(rows.roundUp(TILE_ROWS));
  const from = f.let(x);
  forEachPanel(f, panels, headDim, length, (panel, column) => {
    const y = scratch.result.add(column.mul(F32_BYTES));
    const params = { panel, inner: length, rows: tiled, bias: args.masks, y, yStride: width };
    f.call(product, { ...params, x: from, xStride: stride });
  });
  const out = f.let(to);
  f.for(scratch.result, f.let(scratch.result.add(rows.mul(width))), width, (row) => {
    f.copy(out, row, headDim.mul(F32_BYTES));
    f.set(out, out.add(args.qkvStride));
  });
}
