/**
 * Where in a checkpoint the modules of an adapter of another layout stand.
 *
 * @module
 */

import type { TensorEntry } from "../checkpoint/open.ts";
import { TinygraftError } from "../errors.ts";
import { adapterPlaces } from "../model/adapter_places.ts";
import { quote } from "../tensor/quote.ts";
import type { Layout } from "./layout_names.ts";

/** One tensor below some module. */
export interface Site {
  /** Whose modules are called so. */
  readonly layout: Layout;
  /** The module's parent with its layer's number as `{layer}`; without it, all layers share it. */
  readonly stem: string;
  /** The layer, from 0; 0 for a module that all layers share. */
  readonly layer: number;
  /** What the adapter is called among several of one model, in NeMo. */
  readonly adapter: string | undefined;
  /** What stands below the module, such as `linear1.weight`. */
  readonly rest: string;
  /** The tensor. */
  readonly entry: TensorEntry;
}

/** What narrows the search where a checkpoint holds several adapters. */
export interface SiteOptions {
  /** The layout; any that is found, unless given. */
  readonly layout?: Layout;
  /** The adapter's name among several, in NeMo. */
  readonly adapter?: string;
}

/** `….tiny_attn.REST` of the authors, `….adapter_layer.NAME.REST` of NeMo. */
const SITE = /^(?:(.*?)\.)?(?:tiny_attn|adapter_layer\.([^.]+))\.(.+)$/s;

/** The authors' adapters in other places of the layer, known by the names of their modules. */
const OTHER_PLACEMENTS: readonly (readonly [pattern: RegExp, placement: string])[] = [
  [/(?:^|\.)tiny_attn2\./, "double_seq, before and after the attention block"],
  [
    /(?:^|\.)attention_layer\.\d+\.(?:.*\.)?(?:norm|linear1|linear2|attention)\./s,
    "seq, before the attention block",
  ],
];

/**
 * Finds every tensor of the one adapter that a checkpoint holds.
 *
 * @param tensors The checkpoint's tensors by name.
 * @param path The checkpoint, for messages.
 * @param options What narrows the search.
 * @returns Its tensors, one or more, all of one layout, adapter and stem, and the names of tensors
 * of other adapters that were passed over as the options say.
 * @throws {TinygraftError} with code `not-an-adapter` where there is none, `unsupported-placement`
 * for one of the authors' that stands elsewhere in the layer, `ambiguous-layout` for several.
 */
export function findSites(
  tensors: ReadonlyMap<string, TensorEntry>,
  path: string,
  options: SiteOptions = {},
): { sites: Site[]; passedOver: string[] } {
  refusePlacements(tensors, path);
  const all = [...tensors.values()].map(toSite).filter((site) => site !== undefined);
  const isWanted = ({ layout, adapter }: Site) =>
    layout === (options.layout ?? layout) && adapter === (options.adapter ?? adapter);
  const sites = all.filter(isWanted);
  if (sites.length === 0) throw noAdapter(all, path, options);
  const refuse = (found: string, remedy: string) => {
    throw new TinygraftError(
      `Cannot import ${quote(path)}: ${found}, expected one adapter: ${remedy}`,
      { code: "ambiguous-layout", path },
    );
  };
  const quoted = (values: readonly string[]) => values.slice(0, 4).map(quote).join(" and ");
  const layouts = distinct(sites.map(({ layout }) => layout));
  if (layouts.length > 1) refuse("it holds adapters of two layouts", "choose one by --layout");
  const adapters = distinct(sites.map(({ adapter }) => adapter ?? ""));
  if (adapters.length > 1) refuse(`it holds the adapters ${quoted(adapters)}`, "choose by --name");
  const stems = distinct(sites.map(({ stem }) => stem));
  if (stems.length > 1) {
    refuse(`its modules stand below ${quoted(stems)}`, "take the others out with convert");
  }
  return {
    sites,
    passedOver: all.filter((site) => !isWanted(site)).map(({ entry }) => entry.name),
  };
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Set(values)];
}

function toSite(entry: TensorEntry): Site | undefined {
  const [, parent = "", adapter, rest] = SITE.exec(entry.name) ?? [];
  if (rest === undefined) return undefined;
  const layout = adapter === undefined ? "authors" : "nemo";
  return { layout, ...splitParent(parent), adapter, rest, entry };
}

/** Takes the layer's number out of a module's parent. */
function splitParent(parent: string): { stem: string; layer: number } {
  const isShared = adapterPlaces().some(({ adapterPath }) => {
    const place = parentOf(adapterPath);
    return !place.includes("{layer}") && (parent === place || parent.endsWith(`.${place}`));
  });
  const parts = parent.split(".");
  const at = parts.findLastIndex((part) => /^\d+$/.test(part));
  if (isShared || at < 0) return { stem: parent, layer: 0 };
  return { stem: parts.with(at, "{layer}").join("."), layer: Number(parts[at]) };
}

/**
 * Takes a module's own name off its path.
 *
 * @param adapterPath A module's path, such as `encoder.layer.{layer}.tiny_attn`.
 * @returns The parent's, such as `encoder.layer.{layer}`.
 */
export function parentOf(adapterPath: string): string {
  return adapterPath.replace(/\.tiny_attn$/, "");
}

function refusePlacements(tensors: ReadonlyMap<string, TensorEntry>, path: string): void {
  for (const name of tensors.keys()) {
    const found = OTHER_PLACEMENTS.find(([pattern]) => pattern.test(name));
    if (found === undefined) continue;
    throw new TinygraftError(
      `Cannot import ${quote(path)}: tensor ${quote(name)} is of the placement ${found[1]}, ` +
        "expected m0, m1, s0 or s1, one module a layer: no placement can be converted into another",
      { code: "unsupported-placement", path, tensor: name },
    );
  }
}

function noAdapter(all: readonly Site[], path: string, { layout, adapter }: SiteOptions) {
  const wanted = adapter === undefined
    ? `an adapter of the layout ${layout ?? "authors or nemo"}`
    : `the adapter ${quote(adapter)}`;
  const found = all.length === 0
    ? "no tensor has .tiny_attn. or .adapter_layer. in its name"
    : `its adapters are of the layout ${distinct(all.map((site) => site.layout)).join(", ")}, ` +
      `called ${distinct(all.map((site) => site.adapter ?? "tiny_attn")).map(quote).join(", ")}`;
  return new TinygraftError(
    `Cannot import ${quote(path)}: ${found}, expected ${wanted}`,
    { code: "not-an-adapter", path },
  );
}
