/**
 * Checks that a file imports only from its own unit or from lower layers, that no imports run in a
 * circle, and that only the files meant for it touch the system.
 *
 * @module
 */

import { listFiles, readFiles, ROOT } from "./files.ts";

/**
 * The units of each layer, lowest first. A unit is a file, or a folder when it ends with a slash;
 * the longest that begins a file's path is the file's own. Units of one layer do not import each
 * other.
 */
export const LAYERS: readonly (readonly string[])[] = [
  ["deno.json"],
  ["lib/errors.ts", "lib/suggest.ts", "lib/turn.ts", "lib/version.ts"],
  ["lib/tensor/"],
  ["lib/zip/"],
  ["lib/safetensors/", "lib/model/", "lib/text/", "lib/pytorch/", "lib/npz/", "lib/remote/"],
  ["lib/checkpoint/"],
  ["lib/adapter/", "lib/hub/", "lib/compute/value.ts", "lib/compute/assembler/"],
  ["lib/merge/", "lib/compute/ops/"],
  ["lib/layouts/"],
  ["lib/compute/backend.ts"],
  ["lib/compute/reference/", "lib/compute/webgpu/", "lib/compute/wasm/"],
  ["lib/compute/open.ts", "lib/compute/measure.ts"],
  ["lib/runtime/"],
  ["lib/calibrate/"],
  ["lib/eval/"],
  ["lib/report/"],
  ["lib/train/", "lib/gate/"],
  ["mod.ts"],
  ["cli/"],
];

/** Folders that may import only from themselves and from the paths listed with them. */
export const RESTRICTED: ReadonlyMap<string, readonly string[]> = new Map([
  ["lib/compute/", ["lib/errors.ts", "lib/tensor/"]],
  ["lib/hub/", [
    "lib/errors.ts",
    "lib/tensor/",
    "lib/safetensors/",
    "lib/remote/",
    "lib/checkpoint/",
  ]],
]);

/** The only parts of lib that may use `Deno` or `node:` modules; the rest runs in a browser too. */
export const SYSTEM_FILES: readonly string[] = [
  "lib/checkpoint/sources.ts",
  "lib/checkpoint/save.ts",
  "lib/checkpoint/leftovers.ts",
  "lib/checkpoint/native.ts",
  "lib/checkpoint/hash.ts",
  "lib/checkpoint/execute.ts",
  "lib/hub/",
];

/** What the check needs to know about the tree, beside its files. */
export interface LayerRules {
  /** See {@linkcode LAYERS}. */
  readonly layers: readonly (readonly string[])[];
  /** See {@linkcode RESTRICTED}. */
  readonly restricted: ReadonlyMap<string, readonly string[]>;
  /** See {@linkcode SYSTEM_FILES}. */
  readonly systemFiles: readonly string[];
  /** Bare names of the import map that stand for files of the tree. */
  readonly aliases: ReadonlyMap<string, string>;
}

const STATIC_IMPORT = /^(?:import|export)\s(?:[^"'`;]*?\bfrom\s*)?["']([^"']+)["']/gm;
const OTHER_IMPORT =
  /\bimport\(\s*["']([^"']+)["']|\bnew URL\(\s*["'](\.[^"']+)["']\s*,\s*import\.meta\.url/g;
const SYSTEM_USE = /\bDeno(?:\.|\[)|["']node:/;

/**
 * Finds the modules that a source file refers to: static and dynamic imports, re-exports, type
 * imports, and files named relative to `import.meta.url`, such as workers.
 *
 * @param source The file's text, formatted by `deno fmt`: top-level statements start their line.
 * @returns The specifiers as written, in no particular order.
 */
export function importsOf(source: string): string[] {
  const code = withoutComments(source);
  const found = [...code.matchAll(STATIC_IMPORT), ...code.matchAll(OTHER_IMPORT)];
  return found.map((match) => match[1] ?? match[2] ?? "");
}

/** Drops lines that are comments, and comments after code; strings with `//` keep their start. */
function withoutComments(source: string): string {
  const lines = source.split("\n").filter((line) => !/^\s*(?:\/\/|\/\*|\*)/.test(line));
  return lines.map((line) => line.replace(/\s\/\/ .*$/, "")).join("\n");
}

/**
 * Resolves an import to a path of the tree.
 *
 * @param from The importing file.
 * @param specifier The specifier as written.
 * @param aliases Bare names that stand for files of the tree.
 * @returns The path, or `undefined` for a module from elsewhere.
 */
function resolve(from: string, specifier: string, aliases: ReadonlyMap<string, string>) {
  if (!specifier.startsWith(".")) return aliases.get(specifier);
  return new URL(specifier, `file:///${from}`).pathname.slice(1);
}

/** Tells whether a unit, a file or a folder with its final slash, holds the path. */
function holds(unit: string, path: string): boolean {
  return unit.endsWith("/") ? path.startsWith(unit) : path === unit;
}

/** A file's unit and the number of its layer; `undefined` when no unit holds it. */
function unitOf(path: string, layers: LayerRules["layers"]) {
  const units = layers.flatMap((units, layer) => units.map((unit) => ({ unit, layer })));
  return units
    .filter(({ unit }) => holds(unit, path))
    .sort((a, b) => b.unit.length - a.unit.length)[0];
}

/**
 * Checks a tree of source files.
 *
 * @param files Path to text, relative to the checkout's root; every file of lib, cli and mod.ts.
 * @param rules Layers and restrictions; the checkout's own unless given.
 * @returns One line for each offence; empty when the tree keeps the rules.
 */
export function checkLayers(
  files: ReadonlyMap<string, string>,
  rules: Partial<LayerRules> = {},
): string[] {
  const all: LayerRules = {
    layers: LAYERS,
    restricted: RESTRICTED,
    systemFiles: SYSTEM_FILES,
    aliases: new Map(),
    ...rules,
  };
  const graph = new Map<string, string[]>();
  const offences: string[] = [];
  for (const [path, source] of files) {
    if (path.startsWith("lib/") && !all.systemFiles.some((unit) => holds(unit, path))) {
      const use = withoutComments(source).split("\n").find((line) => SYSTEM_USE.test(line));
      if (use !== undefined) {
        offences.push(`${path} uses Deno or node: outside the files meant for it: ${use.trim()}`);
      }
    }
    if (!unitOf(path, all.layers)) offences.push(`${path} is in no layer`);
    const targets = importsOf(source).map((specifier) => resolve(path, specifier, all.aliases));
    graph.set(path, targets.filter((target) => target !== undefined));
  }
  for (const [path, targets] of graph) {
    for (const target of new Set(targets)) offences.push(...checkImport(path, target, all));
  }
  return [...offences, ...findCycles(graph).map((cycle) => `import cycle: ${cycle.join(" → ")}`)];
}

/** The rules that one import breaks. */
function checkImport(path: string, target: string, rules: LayerRules): string[] {
  const from = unitOf(path, rules.layers);
  const to = unitOf(target, rules.layers);
  if (!from) return []; // reported once, as a file without a layer
  if (!to) return [`${path} imports ${target}, which is in no layer`];
  const offences: string[] = [];
  if (from.unit !== to.unit && to.layer >= from.layer) {
    const where = to.layer === from.layer ? "of its own layer" : "of a higher layer";
    offences.push(`${path} imports ${target} ${where}`);
  }
  for (const [folder, allowed] of rules.restricted) {
    if (!holds(folder, path)) continue;
    if (![folder, ...allowed].some((unit) => holds(unit, target))) {
      offences.push(`${path} imports ${target}; ${folder} may import only ${allowed.join(", ")}`);
    }
  }
  return offences;
}

/**
 * Finds import cycles.
 *
 * @param graph File to the files that it imports.
 * @returns Each cycle once, from its first file in name order back to that file; files that lie on
 * several circles are named with the first found.
 */
export function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles = new Map<string, string[]>();
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string) => {
    const start = trail.indexOf(path);
    if (start >= 0) {
      const cycle = trail.slice(start);
      const first = cycle.indexOf([...cycle].sort()[0] ?? "");
      const turned = [...cycle.slice(first), ...cycle.slice(0, first)];
      cycles.set(turned.join("\n"), [...turned, turned[0] ?? ""]);
      return;
    }
    if (done.has(path)) return;
    trail.push(path);
    for (const target of graph.get(path) ?? []) visit(target);
    trail.pop();
    done.add(path);
  };
  for (const path of [...graph.keys()].sort()) visit(path);
  return [...cycles.values()];
}

/** Reads the import map's names for files of this checkout. */
function localAliases(): Map<string, string> {
  const { imports } = JSON.parse(Deno.readTextFileSync(`${ROOT}/deno.json`));
  const pairs = Object.entries(imports as Record<string, string>);
  const local = pairs.filter(([, target]) => target.startsWith("./"));
  return new Map(local.map(([name, target]) => [name, target.slice(2)]));
}

if (import.meta.main) {
  const paths = [...listFiles("lib", ".ts"), ...listFiles("cli", ".ts"), "mod.ts"];
  const offences = checkLayers(readFiles(paths), { aliases: localAliases() });
  for (const offence of offences) console.error(offence);
  if (offences.length > 0) Deno.exit(1);
  console.log(`${paths.length} files keep to their layers`);
}
