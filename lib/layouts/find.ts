/**
 * Recognises an adapter of another layout: its layout, its modules and its sizes.
 *
 * @module
 */

import type { TensorEntry } from "../checkpoint/open.ts";
import { type ErrorCode, TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import { formatShape } from "../tensor/shape.ts";
import { BODY_TENSORS, type BodyDimension, type BodyKind, type BodyTensor } from "./bodies.ts";
import type { Layout } from "./layout_names.ts";
import { MIXTURE_EXPERTS } from "./mixture.ts";
import { findSites, type Site, type SiteOptions } from "./sites.ts";

/** The tensors of one module by their names below it. */
export type BodyEntries = ReadonlyMap<string, TensorEntry>;

/** An adapter of another layout, found in a checkpoint; every tensor of the table is there. */
export interface FoundAdapter {
  /** Whose layout it is. */
  readonly layout: Layout;
  /** How its modules are laid out. */
  readonly kind: BodyKind;
  /** The modules' parent with `{layer}` for the layer's number; without it, all layers share it. */
  readonly stem: string;
  /** Whether one module serves all layers. */
  readonly isShared: boolean;
  /** Whether each layer has a mixture of modules. */
  readonly isMixture: boolean;
  /** Layer by layer, the modules that it has: one, or those of a mixture. */
  readonly layers: readonly (readonly BodyEntries[])[];
  /** Columns of the hidden states, D. */
  readonly hiddenSize: number;
  /** Heads times head_dim of one module, E. */
  readonly innerSize: number;
  /** Tensors of other adapters, which are not part of it. */
  readonly passedOver: readonly string[];
}

/** Names by which the kinds are told apart. */
const MARKS: readonly (readonly [kind: BodyKind | "canonical", pattern: RegExp])[] = [
  ["joined", /^attention\.in_proj_(?:weight|bias)$/],
  ["split", /^attention\.[qkv]_proj\./],
  ["nemo", /^(?:pre_norm|linear_[qkv]|linear_out)\./],
  ["canonical", /^(?:query|key|value|output)\./],
];

/** Tensors of variants that no canonical module computes: pattern and what they are. */
const VARIANTS: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/^(?:linear_pos\.|pos_bias_[uv]$)/, "NeMo's attention with relative positions"],
  [/^(?:linear_)?global_[qkv](?:\.|$)/, "attention with global tokens and a limited context"],
];

/**
 * Recognises the adapter of another layout that a checkpoint holds.
 *
 * @param tensors The checkpoint's tensors by name.
 * @param path The checkpoint, for messages.
 * @param options What narrows the search where there are several.
 * @returns What was found; nothing is read yet.
 * @throws {TinygraftError} as `findSites`, and with code `ambiguous-layout` for modules of several
 * kinds, `unsupported-variant` for modules that compute something else, `missing-tensor`,
 * `unexpected-tensor` or `shape-mismatch` for modules that are not whole or not alike.
 */
export function findAdapter(
  tensors: ReadonlyMap<string, TensorEntry>,
  path: string,
  options: SiteOptions = {},
): FoundAdapter {
  const { sites, passedOver } = findSites(tensors, path, options);
  const { layout, stem } = sites[0]!;
  const isShared = !stem.includes("{layer}");
  const experts = sites.map(({ rest }) =>
    layout === "authors" ? /^(\d+)\.(.+)$/s.exec(rest) : null
  );
  const isMixture = experts[0] !== null;
  const odd = experts.findIndex((match) => (match !== null) !== isMixture);
  if (odd >= 0) {
    const found = "some modules are a mixture's and some are not";
    throw fault(path, "ambiguous-layout", `${found}, expected one kind`, sites[odd]);
  }
  const parts = sites.map((site, i): Part => {
    const [, expert = "0", rest = site.rest] = experts[i] ?? [];
    return { ...site, expert: Number(expert), rest };
  });
  refuseVariants(parts, path);
  const kind = kindOf(parts, layout, path);
  const layers = groupParts(parts, path, isMixture);
  const sizes = checkBodies(layers, kind, path, { stem, layout, isMixture, sites });
  return { layout, kind, stem, isShared, isMixture, layers, passedOver, ...sizes };
}

/** A tensor of a module, which may be one of a mixture. */
interface Part extends Site {
  readonly expert: number;
}

function fault(
  path: string,
  code: ErrorCode,
  what: string,
  site?: Pick<Site, "entry">,
): TinygraftError {
  const at = site === undefined ? "" : `tensor ${quote(site.entry.name)}: `;
  return new TinygraftError(`Cannot import ${quote(path)}: ${at}${what}`, {
    code,
    path,
    tensor: site?.entry.name,
  });
}

function refuseVariants(parts: readonly Part[], path: string): void {
  for (const part of parts) {
    const found = VARIANTS.find(([pattern]) => pattern.test(part.rest));
    if (found === undefined) continue;
    const what = `it belongs to ${found[1]}, expected plain self-attention: ` +
      "no canonical module computes it";
    throw fault(path, "unsupported-variant", what, part);
  }
}

function kindOf(parts: readonly Part[], layout: Layout, path: string): BodyKind {
  const marks = MARKS.map(([kind, pattern]) => ({
    kind,
    part: parts.find(({ rest }) => pattern.test(rest)),
  })).filter(({ part }) => part !== undefined);
  const [mark, other] = marks;
  if (other !== undefined) {
    const kinds = marks.map(({ kind }) => kind).join(" and ");
    const what = `it stands beside tensors of another layout (${kinds}), expected one`;
    throw fault(path, "ambiguous-layout", what, other.part);
  }
  if (mark?.kind === "canonical") {
    const what = "its modules are in tinygraft's own layout, expected another: use it as it is, " +
      "or take it out of a checkpoint with extract";
    throw fault(path, "not-an-adapter", what);
  }
  const kind = mark?.kind ?? (layout === "nemo" ? "nemo" : "joined");
  if ((kind === "nemo") === (layout === "nemo")) return kind;
  const what = `it is of a ${kind} module, expected one of the layout ${layout} by its path`;
  throw fault(path, "ambiguous-layout", what, mark?.part);
}

/** Sorts tensors by layer and module; layers and modules must be numbered from 0 without a gap. */
function groupParts(
  parts: readonly Part[],
  path: string,
  isMixture: boolean,
): BodyEntries[][] {
  const layers = new Map<number, Map<number, Map<string, TensorEntry>>>();
  for (const part of parts) {
    const layer = layers.get(part.layer) ?? new Map<number, Map<string, TensorEntry>>();
    const module = layer.get(part.expert) ?? new Map<string, TensorEntry>();
    if (module.has(part.rest)) {
      throw fault(path, "ambiguous-layout", "its layer has two such tensors, expected one", part);
    }
    layers.set(part.layer, layer.set(part.expert, module.set(part.rest, part.entry)));
    if (isMixture && part.expert >= MIXTURE_EXPERTS) {
      const what = `it is of module ${part.expert} of a mixture, expected ${MIXTURE_EXPERTS} ` +
        "modules, from 0: how more are run is not known";
      throw fault(path, "unsupported-variant", what, part);
    }
  }
  const count = isMixture ? MIXTURE_EXPERTS : 1;
  return Array.from({ length: layers.size }, (_, layer) => {
    const modules = layers.get(layer);
    if (modules === undefined) {
      const highest = [...layers.keys()].reduce((a, b) => Math.max(a, b));
      throw fault(
        path,
        "missing-tensor",
        `layer ${layer} has no module, though layer ${highest} has one: expected one in each`,
      );
    }
    return Array.from({ length: count }, (_, expert) => {
      const module = modules.get(expert);
      if (module !== undefined) return module;
      const what = `layer ${layer} lacks module ${expert} of a mixture, expected ${count} modules`;
      throw fault(path, "missing-tensor", what);
    });
  });
}

interface Surroundings {
  readonly stem: string;
  readonly layout: Layout;
  readonly isMixture: boolean;
  readonly sites: readonly Site[];
}

/** Checks that every module has the kind's tensors and no others, all of the first one's sizes. */
function checkBodies(
  layers: readonly (readonly BodyEntries[])[],
  kind: BodyKind,
  path: string,
  around: Surroundings,
): { hiddenSize: number; innerSize: number } {
  const table = BODY_TENSORS[kind];
  for (const [layer, modules] of layers.entries()) {
    for (const [expert, module] of modules.entries()) {
      const missing = table.find(({ name }) => !module.has(name));
      if (missing !== undefined) {
        const name = nameOf(around, layer, expert, missing.name);
        const what = `tensor ${quote(name)} is missing, expected in every module of that layout`;
        throw new TinygraftError(`Cannot import ${quote(path)}: ${what}`, {
          code: "missing-tensor",
          path,
          tensor: name,
        });
      }
      const stray = [...module].find(([name]) => !table.some((tensor) => tensor.name === name));
      if (stray !== undefined) {
        const what = "it is not part of such a module, and what it does is not known";
        throw fault(path, "unexpected-tensor", what, { entry: stray[1] });
      }
    }
  }
  const [first] = layers[0]!;
  // The table ends with the output layer, whose weight [hidden, inner] tells both sizes.
  const output = first!.get(table.at(-2)!.name)!;
  const [hiddenSize = 0, innerSize = 0] = output.shape;
  if (output.shape.length !== 2 || hiddenSize < 1 || innerSize < 1) {
    const what = `its shape is ${formatShape(output.shape)}, expected [hidden size, inner size]`;
    throw fault(path, "shape-mismatch", what, { entry: output });
  }
  const sizes = { hidden: hiddenSize, inner: innerSize, innerThrice: 3 * innerSize };
  for (const module of layers.flat()) checkShapes(table, module, sizes, path);
  return { hiddenSize, innerSize };
}

function nameOf({ stem, layout, isMixture, sites }: Surroundings, ...at: [number, number, string]) {
  const [layer, expert, rest] = at;
  const parent = stem.replace("{layer}", String(layer));
  const module = layout === "nemo" ? `adapter_layer.${sites[0]!.adapter}` : "tiny_attn";
  const below = isMixture ? `${expert}.${rest}` : rest;
  return [parent, module, below].filter((part) => part !== "").join(".");
}

function checkShapes(
  table: readonly BodyTensor[],
  module: BodyEntries,
  sizes: Readonly<Record<BodyDimension, number>>,
  path: string,
): void {
  for (const { name, shape } of table) {
    const entry = module.get(name)!;
    const expected = shape.map((dimension) => sizes[dimension]);
    if (formatShape(entry.shape) === formatShape(expected)) continue;
    const what = `its shape is ${formatShape(entry.shape)}, expected ${formatShape(expected)} in ` +
      `every layer, by the first module's sizes ${sizes.hidden} and ${sizes.inner}`;
    throw fault(path, "shape-mismatch", what, { entry });
  }
}
