/**
 * Matrix products in WebAssembly: rows times a packed panel of eight columns, a tile of 5x8 numbers
 * at a time. What limits them is loads, not products: where an engine compares each address with the
 * memory's size (as Deno's does, which has no trap handler), that branch competes with the products
 * for the processor's ports. Hence as many rows as registers allow are loaded four numbers at a
 * time, and spread over a vector's lanes from the register.
 *
 * @module
 */

import type { I32, V128 } from "../../assembler/expressions.ts";
import type { FunctionBuilder, FunctionHandle, ModuleBuilder } from "../../assembler/module.ts";
import { defineKernel, F32_BYTES, type KernelSpec, LINEAR_ROWS, PANEL, TILE_ROWS } from "../job.ts";
import { ACTIVATIONS } from "../vector_math.ts";
import type { Activation } from "./op.ts";

const VECTOR_BYTES = 16;
const PANEL_BYTES = PANEL * F32_BYTES;
const HALVES = [0, 1] as const;
/** Steps along the inner dimension that one turn of the loop makes; a multiple of four. */
const UNROLL = 8;
/** Numbers of a vector. */
const LANES = 4;
/** Vector registers of x86-64 that the engine does not keep for itself. */
const REGISTERS = 15;

/** What a product of rows and a panel is told; strides and addresses are in bytes. */
export type PanelParam =
  | "x" // the first row
  | "xStride"
  | "panel"
  | "inner" // columns of x, in elements
  | "rows" // rounded up to whole tiles
  | "bias" // eight numbers that the sums begin with
  | "y" // the panel's columns of the first row of the output
  | "yStride";

const PANEL_PARAMS: readonly PanelParam[] = [
  "x",
  "xStride",
  "panel",
  "inner",
  "rows",
  "bias",
  "y",
  "yStride",
];

/** A function that computes `y = finish(bias + x · panelᵀ)`, `[rows, 8]`. */
export type PanelFunction<P extends string = never> = FunctionHandle<PanelParam | P>;

/** What becomes of a sum; `offset` is where it lies from `y` and the like, in bytes. */
export type Finish<P extends string> = (
  f: FunctionBuilder,
  sum: V128,
  at: { readonly params: Record<P, I32>; readonly offset: number },
) => V128;

/**
 * Adds a function that multiplies rows with one panel. Each sum runs over `inner` in order.
 *
 * @param module The module.
 * @param finish What becomes of the sums, which are local variables.
 * @param more Parameters that `finish` needs and that move on by `yStride` from row to row.
 * @param tile Rows that are worked out at a time; it divides the rows that are asked for.
 * @returns The function.
 */
export function definePanel<P extends string = never>(
  module: ModuleBuilder,
  finish: Finish<P>,
  more: readonly P[] = [],
  tile = LINEAR_ROWS,
): PanelFunction<P> {
  const tileRows = Array.from({ length: tile }, (_, i) => i);
  return module.function<PanelParam | P>([...PANEL_PARAMS, ...more], (f, p) => {
    f.for(0, p.rows, tile, () => {
      const sums = tileRows.map(() => HALVES.map((h) => f.let(p.bias.load(h * VECTOR_BYTES))));
      accumulate(f, p, sums);
      for (const row of tileRows) {
        for (const h of HALVES) {
          const at = { params: p, offset: h * VECTOR_BYTES };
          f.store(p.y, finish(f, sums[row]![h]!, at), at.offset);
        }
        for (const moving of ["y", ...more] as const) f.set(p[moving], p[moving].add(p.yStride));
      }
      f.set(p.x, p.x.add(p.xStride.mul(tile)));
    });
  });
}

/** How many of a tile's rows have registers left for four numbers each. */
function heldRows(rows: number): number {
  const accumulators = rows * HALVES.length;
  const ofPanel = HALVES.length;
  const spread = 1;
  return Math.max(0, Math.min(rows, REGISTERS - accumulators - ofPanel - spread));
}

/** Adds the products of a tile's rows and the panel to the sums. */
function accumulate(
  f: FunctionBuilder,
  { x, xStride, panel, inner }: Record<PanelParam, I32>,
  sums: readonly (readonly V128[])[],
): void {
  const rows = sums.map((_, row) => f.let(x.add(xStride.mul(row))));
  const b = f.let(panel);
  const step = (u: number, spread: (row: I32, i: number) => V128) => {
    const halves = HALVES.map((h) => f.let(b.load(u * PANEL_BYTES + h * VECTOR_BYTES)));
    for (const [i, row] of rows.entries()) {
      const a = f.let(spread(row, i));
      for (const h of HALVES) f.set(sums[i]![h]!, f.madd(a, halves[h]!, sums[i]![h]!));
    }
  };
  const stepAlone = (u: number) => step(u, (row) => row.loadSplat(u * F32_BYTES));
  const fourSteps = (u: number) => {
    const first = rows.length - heldRows(rows.length);
    const held = rows.slice(first).map((row) => f.let(row.load(u * F32_BYTES)));
    for (let lane = 0; lane < LANES; lane++) {
      step(
        u + lane,
        (row, i) => held[i - first]?.lanes(lane) ?? row.loadSplat((u + lane) * F32_BYTES),
      );
    }
  };
  const advance = (steps: number) => {
    f.set(b, b.add(steps * PANEL_BYTES));
    for (const row of rows) f.set(row, row.add(steps * F32_BYTES));
  };
  const end = f.let(panel.add(inner.mul(PANEL_BYTES)));
  const unrolled = f.let(panel.add(inner.and(-UNROLL).mul(PANEL_BYTES)));
  f.while(b.lt(unrolled), () => {
    for (let u = 0; u < UNROLL; u += LANES) fourSteps(u);
    advance(UNROLL);
  });
  f.while(b.lt(end), () => {
    stepAlone(0);
    advance(1);
  });
}

/** Integers that a `linear` kernel is told; strides and addresses are in bytes. */
export type LinearInt =
  | "x"
  | "xStride"
  | "panels"
  | "panelCount"
  | "inner"
  | "bias"
  | "y"
  | "yStride"
  | "rows" // rounded up to whole tiles
  | "rowsPerChunk"
  | "panelsPerChunk"
  | "chunksAcross"; // chunks that share their rows

const LINEAR_INTS: readonly LinearInt[] = [
  "x",
  "xStride",
  "panels",
  "panelCount",
  "inner",
  "bias",
  "y",
  "yStride",
  "rows",
  "rowsPerChunk",
  "panelsPerChunk",
  "chunksAcross",
];

/** The kernels of `linear`, one an activation. */
export const LINEAR: Readonly<Record<Activation, KernelSpec<LinearInt, never>>> = {
  none: { name: "linear", ints: LINEAR_INTS, floats: [] },
  gelu: { name: "linearGelu", ints: LINEAR_INTS, floats: [] },
  geluTanh: { name: "linearGeluTanh", ints: LINEAR_INTS, floats: [] },
  relu: { name: "linearRelu", ints: LINEAR_INTS, floats: [] },
  tanh: { name: "linearTanh", ints: LINEAR_INTS, floats: [] },
};

/** `linear` without activation, added to a matrix of the output's shape. */
export const LINEAR_ADDED: KernelSpec<LinearInt | "residual", never> = {
  name: "linearAdded",
  ints: [...LINEAR_INTS, "residual"],
  floats: [],
};

/**
 * Adds the kernels of `linear`.
 *
 * @param module The module.
 * @returns The plain product in tiles of TILE_ROWS rows, for other kernels to call.
 */
export function defineLinear(module: ModuleBuilder): PanelFunction {
  const plain = definePanel(module, ACTIVATIONS.none);
  const narrow = definePanel(module, ACTIVATIONS.none, [], TILE_ROWS);
  for (const [activation, spec] of Object.entries(LINEAR)) {
    const activate = ACTIVATIONS[activation as Activation];
    const panel = activation === "none" ? plain : definePanel(module, activate);
    defineKernel(module, spec, (f, args, { chunk }) => {
      forEachPanel(f, args, chunk, (params) => f.call(panel, params));
    });
  }
  const added = definePanel(
    module,
    (_, sum, { params, offset }) => sum.add(params.residual.load(offset)),
    ["residual"],
  );
  defineKernel(module, LINEAR_ADDED, (f, args, { chunk }) => {
    forEachPanel(f, args, chunk, (params, offset) => {
      f.call(added, { ...params, residual: args.residual.add(offset) });
    });
  });
  return narrow;
}

/** Calls back for each panel of a chunk; a chunk is some rows times some panels. */
function forEachPanel(
  f: FunctionBuilder,
  args: Record<LinearInt, I32>,
  chunk: I32,
  body: (params: Record<PanelParam, I32>, offset: I32) => void,
): void {
  const { xStride, yStride, inner, panelsPerChunk } = args;
  const row = f.let(chunk.div(args.chunksAcross).mul(args.rowsPerChunk));
  const rows = f.let(args.rows.sub(row).min(args.rowsPerChunk));
  const first = f.let(chunk.rem(args.chunksAcross).mul(panelsPerChunk));
  const end = f.let(args.panelCount.min(first.add(panelsPerChunk)));
  const x = f.let(args.x.add(row.mul(xStride)));
  f.for(first, end, 1, (panel) => {
    const offset = f.let(row.mul(yStride).add(panel.mul(PANEL_BYTES)));
    body({
      x,
      xStride,
      panel: args.panels.add(panel.mul(inner).mul(PANEL_BYTES)),
      inner,
      rows,
      bias: args.bias.add(panel.mul(PANEL_BYTES)),
      y: args.y.add(offset),
      yStride,
    }, offset);
  });
}
