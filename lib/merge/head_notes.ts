/**
 * Heads that do less than their width allows: those that add nothing, look at all tokens alike, or
 * have products of lower rank.
 *
 * @module
 */

import type { AdapterMerge } from "./merge_adapter.ts";

/** So many heads are listed of each kind. */
const MOST_LISTED = 6;

/**
 * Says which heads of a merge did less than their width allows before it.
 *
 * @param merge A planned merge or soup.
 * @returns Sentences without a full stop; none where every head is sound.
 *
 * @example The heads of the adapter that the repository ships all do something
 * ```ts
 * import { headNotes, openAdapter, planMerge } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const merge = await planMerge(adapter, "one-head", { method: "average" });
 * assertEquals(headNotes(merge), []);
 * ```
 */
export function headNotes({ config, layers, before }: AdapterMerge): string[] {
  const heads = layers.flatMap(({ layer, ranks }) =>
    ranks.map((rank, head) => ({ ...rank, name: `head ${head} of layer ${layer}` }))
  );
  const idle = heads.filter(({ value }) => value === 0);
  if (idle.length === heads.length) {
    return ["No head adds anything: value or output is zero in all, as in an untrained adapter"];
  }
  const active = heads.filter(({ value }) => value > 0);
  const blind = active.filter(({ attention }) => attention === 0);
  // In a soup narrow heads are widened with zeros to stand beside wide ones.
  const width = (config.mergedFrom?.length ?? 1) > 1 ? 1 : before.modules[0]!.headDim;
  const thin = active.filter(({ attention, value }) =>
    attention > 0 && Math.min(attention, value) < width
  );
  return [
    noteOf("Adding nothing, as value or output is zero", idle),
    noteOf("Looking at all tokens alike, as query or key is zero", blind),
    noteOf(`Using fewer dimensions than their width of ${width}`, thin),
  ].filter((note) => note !== undefined);
}

function noteOf(what: string, heads: readonly { readonly name: string }[]): string | undefined {
  if (heads.length === 0) return undefined;
  const listed = heads.slice(0, MOST_LISTED).map(({ name }) => name).join(", ");
  const others = heads.length - MOST_LISTED;
  return `${what}: ${listed}${others > 0 ? ` and ${others} more` : ""}`;
}
