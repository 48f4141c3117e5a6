/**
 * The names of the adapter layouts that can be imported and exported.
 *
 * @module
 */

/** Every layout: that of the tiny-attention authors' code, and that of NVIDIA NeMo. */
export const LAYOUTS = ["authors", "nemo"] as const;

/** A layout of adapters other than tinygraft's own. */
export type Layout = (typeof LAYOUTS)[number];
