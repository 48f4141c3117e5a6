/**
 * Merging the layers of several adapters of one base.
 *
 * @module
 */

import { assign } from "./assignment.ts";
import { weightSimilarity } from "./cluster.ts";
import { foldLayer } from "./fold.ts";
import { headScale } from "./forward.ts";
import {
  centreLayer,
  type Head,
  type HeadGroups,
  joinHeads,
  scaleHead,
  splitHeads,
} from "./heads.ts";
import type { LayerModule } from "./layer.ts";
import type { FactorPair } from "./linear_algebra.ts";
import type { MergeMethod } from "./method_names.ts";
import { HEAD_MERGES, type LayerMerge } from "./methods.ts";

/** One adapter's part in a soup's layer. */
export interface SoupPart {
  /** Its module, folded or not. */
  readonly module: LayerModule;
  /** Its share: positive; all shares add up to 1. */
  readonly weight: number;
}

/** One layer of a soup. */
export interface SoupLayer extends LayerMerge {
  /**
   * The parts' heads side by side, each part's output scaled by its share: their weighted mean
   * exactly, which the merged module is measured against. Its heads are counted through all parts.
   */
  readonly stacked: LayerModule;
}

/** A head, and which part it comes from. */
interface PartHead {
  readonly head: Head;
  readonly part: number;
  readonly weight: number;
}

/**
 * Merges one layer's modules of several adapters into the module that stands for the weighted mean
 * of what they add. Modules are folded, so that each may have a LayerNorm of its own, and brought
 * to the largest `headDim` and to 'sum'; head counts may differ.
 *
 * `stack` keeps all heads side by side, which is the weighted mean exactly. The other methods merge
 * each head of the part with most heads with at most one head of each other part: `average` by
 * their places, which suits adapters that started from the same weights; `aligned` and `product`
 * by the assignment that makes the products of paired heads most alike.
 *
 * @param parts Two parts or more, of one hidden size and epsilon; left unchanged.
 * @param method How heads become one.
 * @returns The merged module, folded, of 'sum', and what it stands for.
 */
export function mergeParts(parts: readonly SoupPart[], method: MergeMethod): SoupLayer {
  const headDim = Math.max(...parts.map(({ module }) => module.headDim));
  const folded = parts.map(({ module }) => centreLayer(foldLayer(module)));
  const heads = folded.flatMap((module, part) => {
    const { weight } = parts[part]!;
    return splitHeads(module).map((head): PartHead => {
      const widened = scaleHead(widenHead(head, headDim), headScale(module));
      return { head: widened, part, weight };
    });
  });
  const outputBias = new Float64Array(folded[0]!.hiddenSize);
  for (const [part, module] of folded.entries()) {
    for (const [i, bias] of module.outputBias.entries()) {
      outputBias[i]! += parts[part]!.weight * bias;
    }
  }
  const frame: LayerModule = { ...folded[0]!, combine: "sum", outputBias };
  const stacked = joinHeads(frame, heads.map(({ head, weight }) => scaleHead(head, weight)));
  if (method === "stack") {
    return { module: stacked, stacked, groups: heads.map((_, index) => [index]) };
  }
  const groups = method === "average" ? groupByPlace(heads) : groupByLikeness(heads);
  const merged = groups.map((group) => {
    const weights = group.map((index) => heads[index]!.weight);
    const head = HEAD_MERGES[method](group.map((index) => heads[index]!.head), weights);
    return scaleHead(head, weights.reduce((sum, weight) => sum + weight, 0));
  });
  return { module: joinHeads(frame, merged), stacked, groups };
}

/**
 * Widens a head without changing what it computes: rows of zeros, and a query that makes up for the
 * larger width, whose root scores are divided by.
 */
function widenHead({ attention, value }: Head, headDim: number): Head {
  const { rows } = attention;
  if (rows === headDim) return { attention, value };
  const factor = Math.sqrt(headDim / rows);
  const widen = (values: Float64Array) => {
    const widened = new Float64Array((values.length / rows) * headDim);
    widened.set(values);
    return widened;
  };
  const both = ({ left, right }: FactorPair): FactorPair => ({
    rows: headDim,
    left: widen(left),
    right: widen(right),
  });
  const query = attention.left.map((entry) => factor * entry);
  return { attention: both({ ...attention, left: query }), value: both(value) };
}

/** The places of each part's heads among all heads, in order. */
function indicesByPart(heads: readonly PartHead[]): number[][] {
  const indices: number[][] = [];
  for (const [index, { part }] of heads.entries()) (indices[part] ??= []).push(index);
  return indices;
}

function groupByPlace(heads: readonly PartHead[]): HeadGroups {
  const parts = indicesByPart(heads);
  const count = Math.max(...parts.map((part) => part.length));
  return Array.from(
    { length: count },
    (_, place) => parts.flatMap((part) => place < part.length ? [part[place]!] : []),
  );
}

/** Tries every part with most heads as the reference; of equally good ones the first is kept. */
function groupByLikeness(heads: readonly PartHead[]): HeadGroups {
  const { attention, value } = weightSimilarity(heads.map(({ head }) => head));
  const likeness = (m: number, n: number) => attention[m]![n]! + value[m]![n]!;
  const parts = indicesByPart(heads);
  const most = Math.max(...parts.map((part) => part.length));
  let best: HeadGroups = [];
  let greatest = -Infinity;
  for (const reference of parts.filter((part) => part.length === most)) {
    const groups = reference.map((index) => [index]);
    let total = 0;
    for (const part of parts) {
      if (part === reference) continue;
      const places = assign(part.map((m) => reference.map((n) => -likeness(m, n))));
      for (const [i, place] of places.entries()) {
        groups[place]!.push(part[i]!);
        total += likeness(part[i]!, reference[place]!);
      }
    }
    if (total > greatest) {
      best = groups.map((group) => group.sort((m, n) => m - n));
      greatest = total;
    }
  }
  return best;
}
