/**
 * One layer with its module in its place: what a forward pass is made of, for every place.
 *
 * @module
 */

import { DEFAULT_PLACEMENT, type Placement, PLACEMENTS } from "../adapter/placement.ts";
import type { Value } from "../compute/value.ts";
import type { EncoderLayers } from "./layers.ts";
import type { TinyAttentionWeights } from "./load.ts";

/** A layer's module, and where it stands. */
export interface PlacedModule {
  /** The module's weights. */
  readonly module: TinyAttentionWeights;
  /** Epsilon of its LayerNorm. */
  readonly eps: number;
  /** Where in the layer it stands. */
  readonly placement: Placement;
}

/** How {@linkcode runLayer} is to run a layer. */
export interface LayerOptions {
  /** The module; the layer is the base's own without one. */
  readonly placed?: PlacedModule | undefined;
  /** Whether only the batch's selected tokens are wanted of the layer. */
  readonly selects?: boolean;
  /** The output of the layer's attention block, where it is known already. */
  readonly attended?: Value | undefined;
  /** What to write; the workspace's own value unless given. Not what the layer reads. */
  readonly into?: Value;
  /**
   * Called with `attention`, `adapter` (with a module only: its input's block with the update, or the
   * update alone where that joins the layer's output) and `output` once each is recorded.
   */
  readonly observe?: ((stage: string, value: Value) => Promise<void>) | undefined;
}

/**
 * Records one layer.
 *
 * @param layers The encoder's layers.
 * @param index The layer, from 0.
 * @param input What it reads, `[tokens, hidden_size]`.
 * @param options Module, rows and output.
 * @returns The layer's output, `[tokens, hidden_size]`, or `[sequences, hidden_size]` of the selected
 * tokens; the next layer overwrites it unless `into` was given.
 */
export async function runLayer(
  layers: EncoderLayers,
  index: number,
  input: Value,
  { placed, selects = false, attended: known, into, observe }: LayerOptions,
): Promise<Value> {
  const { reads, joins } = PLACEMENTS[placed?.placement ?? DEFAULT_PLACEMENT];
  const update = (value: Value) => placed && layers.update(placed.module, placed.eps, value);
  // Recorded first, as the layer's other parts overwrite what it reads.
  const early = reads === "input" ? update(input) : undefined;
  // A module that reads the block's output looks at all of its tokens.
  const needsAll = placed !== undefined && reads === "attended";
  const attended = known ??
    (selects && !needsAll
      ? layers.attentionOfSelected(index, input)
      : layers.attention(index, input));
  await observe?.("attention", attended);
  const pick = (value: Value) => selects ? rowsOfSelected(layers, value) : value;
  let read = attended;
  if (placed !== undefined && joins === "attended") {
    read = early === undefined
      ? layers.adapt(placed.module, placed.eps, attended)
      : layers.add(attended, attended.rowsFollow === "tokens" ? early : pick(early));
    await observe?.("adapter", read);
  }
  const late = joins === "output" ? early ?? update(attended) : undefined;
  if (late === undefined) {
    const output = layers.feedForward(index, pick(read), into);
    await observe?.("output", output);
    return output;
  }
  await observe?.("adapter", late);
  const inner = layers.feedForward(index, pick(attended));
  const output = layers.add(inner, pick(late), into);
  await observe?.("output", output);
  return output;
}

function rowsOfSelected(layers: EncoderLayers, value: Value): Value {
  return value.rowsFollow === "tokens" ? layers.select(value) : value;
}
