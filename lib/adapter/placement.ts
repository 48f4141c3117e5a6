/**
 * Where in a layer an adapter's modules stand: one table, read by configs, forward and back.
 *
 * With x what a layer reads, A its attention block and FF its feed-forward block, both with residual
 * and LayerNorm, and t what a module adds, the layer gives one of four things. Weights fit one place
 * only: none can be turned into another.
 *
 * @see arXiv 2211.01979, whose public code names them m0, m1, s0 and s1
 *
 * @module
 */

/** What sets a place apart. */
export interface PlacementFacts {
  /** What the authors' code calls it. */
  readonly authors: string;
  /** What the module reads: what the layer reads, or the output of the attention block. */
  readonly reads: "input" | "attended";
  /** What its update is added to: the output of the attention block, or that of the layer. */
  readonly joins: "attended" | "output";
  /** What the layer gives. */
  readonly formula: string;
}

/** Every place that tinygraft runs, by its name in `adapter_config.json`. */
export const PLACEMENTS = {
  after_attention: {
    authors: "m0",
    reads: "attended",
    joins: "attended",
    formula: "a = A(x); FF(a + t(a))",
  },
  parallel_feed_forward: {
    authors: "m1",
    reads: "attended",
    joins: "output",
    formula: "a = A(x); FF(a) + t(a)",
  },
  parallel_attention: {
    authors: "s0",
    reads: "input",
    joins: "attended",
    formula: "FF(A(x) + t(x))",
  },
  parallel_layer: { authors: "s1", reads: "input", joins: "output", formula: "FF(A(x)) + t(x)" },
} as const satisfies Readonly<Record<string, PlacementFacts>>;

/** Where in a layer a module stands, by its name in `adapter_config.json`. */
export type Placement = keyof typeof PLACEMENTS;

/** The places' names, the usual one first. */
export const PLACEMENT_NAMES = Object.keys(PLACEMENTS) as [Placement, ...Placement[]];

/** Where a module stands unless something else is asked: as in the authors' known settings. */
export const DEFAULT_PLACEMENT: Placement = "after_attention";

/**
 * Finds a place by its name or by the authors'.
 *
 * @param name Such as `after_attention` or `m0`.
 * @returns The place; undefined where no place is called so.
 *
 * @example The authors' name for the usual place
 * ```ts
 * import { findPlacement } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(findPlacement("m0"), "after_attention");
 * ```
 */
export function findPlacement(name: string): Placement | undefined {
  return PLACEMENT_NAMES.find((each) => each === name || PLACEMENTS[each].authors === name);
}
