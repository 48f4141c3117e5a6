/**
 * Queries, keys and values of one head of one sequence as panels, for matrix products in WebAssembly.
 *
 * @module
 */

import { type I32, V128 } from "../../assembler/expressions.ts";
import type { FunctionBuilder, FunctionHandle, ModuleBuilder } from "../../assembler/module.ts";
import { F32_BYTES, PANEL } from "../job.ts";
import type { PanelFunction } from "../linear/assembly.ts";

const VECTOR_BYTES = 16;
const LANES = 4;
const PANEL_BYTES = PANEL * F32_BYTES;

/** What packing is told: addresses and strides in bytes, counts in elements. */
export type PackParam = "from" | "stride" | "length" | "cols" | "to";

/** Functions that the kernels of attention call. */
export interface AttentionParts {
  /** The product of rows and a panel. */
  readonly product: PanelFunction;
  /** Packs `[length, cols]` for a product that sums over the columns. */
  readonly packKeys: FunctionHandle<PackParam>;
  /** Packs `[length, cols]` for a product that sums over the rows. */
  readonly packValues: FunctionHandle<PackParam>;
}

/**
 * Adds the functions that pack.
 *
 * @param module The module.
 * @param product The product of rows and a panel.
 * @returns All functions that the kernels of attention call.
 */
export function defineAttentionParts(
  module: ModuleBuilder,
  product: PanelFunction,
): AttentionParts {
  const params = ["from", "stride", "length", "cols", "to"] as const;
  return {
    product,
    packKeys: module.function(params, packKeys),
    packValues: module.function(params, packValues),
  };
}

/**
 * Calls back with each panel of a packed matrix and its first column.
 *
 * @param f The function to append to.
 * @param panels The address of the first panel.
 * @param cols Columns of the matrix.
 * @param inner Rows of a panel.
 * @param body Appends what is done with a panel.
 */
export function forEachPanel(
  f: FunctionBuilder,
  panels: I32,
  cols: I32,
  inner: I32,
  body: (panel: I32, column: I32) => void,
): void {
  const panel = f.let(panels);
  f.for(0, cols, PANEL, (column) => {
    body(panel, column);
    f.set(panel, panel.add(inner.mul(PANEL_BYTES)));
  });
}

/** Packs rows of keys as a weight is packed; past the last row, panels repeat it. */
function packKeys(
  f: FunctionBuilder,
  { from, stride, length, cols, to }: Record<PackParam, I32>,
): void {
  const last = f.let(from.add(length.sub(1).mul(stride)));
  const whole = f.let(cols.and(-LANES).mul(F32_BYTES));
  const bytes = f.let(cols.mul(F32_BYTES));
  const panelBytes = f.let(cols.mul(PANEL_BYTES));
  f.for(0, length, LANES, (n) => {
    const rows = [0, 1, 2, 3].map((i) => {
      const row = n.add(i);
      return f.let(row.lt(length).select(from.add(row.mul(stride)), last));
    });
    const panel = to.add(n.div(PANEL).mul(panelBytes));
    const out = f.let(panel.add(n.and(PANEL - 1).mul(F32_BYTES)));
    f.for(0, whole, VECTOR_BYTES, (k) => {
      transpose(f, rows.map((row) => f.let(row.add(k).load()))).forEach((column, i) => {
        f.store(out, column, i * PANEL_BYTES);
      });
      f.set(out, out.add(LANES * PANEL_BYTES));
    });
    f.for(whole, bytes, F32_BYTES, (k) => {
      for (const [i, row] of rows.entries()) f.store(out, row.add(k).loadF32(), i * F32_BYTES);
      f.set(out, out.add(PANEL_BYTES));
    });
  });
  // An odd number of fours leaves half a panel: whatever it holds must at least be a number.
  const half = f.let(length.sub(1).and(PANEL - 1).lt(LANES));
  f.when(half, () => {
    const panel = f.let(to.add(length.sub(1).div(PANEL).mul(panelBytes)));
    f.for(panel, f.let(panel.add(panelBytes)), PANEL_BYTES, (at) => {
      f.store(at, V128.zero(), VECTOR_BYTES);
    });
  });
}

/**
 * The columns of four rows of four numbers.
 *
 * @param f The function to append to.
 * @param rows Four local variables.
 * @returns Four expressions.
 */
export function transpose(f: FunctionBuilder, [a, b, c, d]: readonly V128[]): V128[] {
  const low = [f.let(a!.shuffle(b!, 0, 4, 1, 5)), f.let(c!.shuffle(d!, 0, 4, 1, 5))] as const;
  const high = [f.let(a!.shuffle(b!, 2, 6, 3, 7)), f.let(c!.shuffle(d!, 2, 6, 3, 7))] as const;
  return [low, high].flatMap(([ab, cd]) => [
    ab.shuffle(cd, 0, 1, 4, 5),
    ab.shuffle(cd, 2, 3, 6, 7),
  ]);
}

/** Packs rows of values, `[length, cols]`, as panels `[ceil(cols / 8), length, 8]`. */
function packValues(
  f: FunctionBuilder,
  { from, stride, length, cols, to }: Record<PackParam, I32>,
): void {
  const out = f.let(to);
  f.for(0, cols, PANEL, (column) => {
    const row = f.let(from.add(column.mul(F32_BYTES)));
    f.for(0, length, 1, () => {
      for (const offset of [0, VECTOR_BYTES]) f.store(out, row.load(offset), offset);
      f.set(out, out.add(PANEL_BYTES));
      f.set(row, row.add(stride));
    });
  });
}
