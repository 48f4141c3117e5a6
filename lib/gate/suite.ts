/**
 * tinygraft.yaml: several gated checks in one file, read with the line of every fault.
 *
 * @module
 */

import { dirname, isAbsolute, join } from "@std/path";
import type { Document, Node, Pair, YAMLMap } from "yaml";
import { TinygraftError } from "../errors.ts";
import { isRemote } from "../remote/address.ts";
import { didYouMean } from "../suggest.ts";
import { quote } from "../tensor/quote.ts";
import type { GateLocation } from "./outcome.ts";
import {
  expectedValue,
  SUITE_KEYS,
  SUITE_SECTIONS,
  SUITE_VERSION,
  type SuiteKey,
  type SuiteValue,
} from "./suite_keys.ts";

/** Several checks. */
export interface Suite {
  /** The file, as the user gave it. */
  readonly path: string;
  /** The checks, in the file's order; at least one. */
  readonly checks: readonly SuiteCheck[];
}

/** One entry of a suite; what it leaves out was taken from the file's defaults. */
export interface SuiteCheck {
  /** Its name, unique in the file. */
  readonly name: string;
  /**
   * What it sets, by key; keys are the names of `check`'s flags, and `base`. `base`, `before`,
   * `after` and `data` are always there. Paths that are relative in the file are put behind its
   * folder.
   */
  readonly values: ReadonlyMap<string, SuiteValue>;
  /** Where the entry begins. */
  readonly location: GateLocation;
  /** Where each value stands, by key; those from the defaults stand there. */
  readonly locations: ReadonlyMap<string, GateLocation>;
}

/** Something wrong with a suite. */
export interface SuiteFault {
  /** What was found and what is expected, in one sentence without a full stop. */
  readonly message: string;
  /** Where. */
  readonly location: GateLocation;
}

/**
 * Reads a suite of checks.
 *
 * @param text The text of tinygraft.yaml: YAML 1.2.
 * @param path The file, for messages, and for the folder that its paths are relative to.
 * @returns The checks.
 * @throws {TinygraftError} with `invalid-suite` and every fault, each with its line and column.
 *
 * @example Two checks of one base
 * ```ts
 * import { parseSuite } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const suite = await parseSuite(
 *   `version: 1
 * defaults: { base: encoder, before: adapter, data: dev.tsv }
 * checks:
 *   - { name: stack, after: stacked, max-drop: 0 }
 *   - { name: average, after: averaged }
 * `,
 *   "gate/tinygraft.yaml",
 * );
 * assertEquals(suite.checks.map(({ name }) => name), ["stack", "average"]);
 * assertEquals(suite.checks[1]?.values.get("after"), "gate/averaged");
 * ```
 */
export async function parseSuite(text: string, path: string): Promise<Suite> {
  const { suite, faults } = await readSuite(text, path);
  if (suite !== undefined) return suite;
  throw suiteError(faults, path);
}

/**
 * Puts all faults of a suite into one error.
 *
 * @param faults What `readSuite` found; at least one.
 * @param path The file, for the message.
 * @returns The error, with code `invalid-suite`.
 */
export function suiteError(faults: readonly SuiteFault[], path: string): TinygraftError {
  const lines = faults.map(({ message, location: { line, column } }) =>
    `${path}:${line}:${column}: ${message}`
  );
  const list = lines.length === 1 ? ` ${lines[0]}` : `\n${lines.join("\n")}`;
  return new TinygraftError(
    `Cannot use ${quote(path)}: found ${
      lines.length === 1 ? "a fault" : `${lines.length} faults`
    }, ` +
      `expected checks as "tinygraft help check" describes them:${list}`,
    { code: "invalid-suite", path },
  );
}

/**
 * Reads a suite of checks and lists every fault instead of throwing.
 *
 * @param text The text of tinygraft.yaml: YAML 1.2.
 * @param path The file, for locations, and for the folder that its paths are relative to.
 * @returns The suite and no fault, or no suite and the faults in the order of the file.
 */
export async function readSuite(
  text: string,
  path: string,
): Promise<{ readonly suite: Suite | undefined; readonly faults: readonly SuiteFault[] }> {
  // Imported late: it takes longer to load than most of what a library's user does.
  const yaml = await import("yaml");
  const counter = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: counter });
  const reader = new SuiteReader(yaml, document, path, (offset) => {
    const { line, col } = counter.linePos(offset);
    return { file: path, line: Math.max(line, 1), column: Math.max(col, 1) };
  });
  for (const { message, pos } of [...document.errors, ...document.warnings]) {
    // Its second line shows the text again.
    reader.fault(message.split(/ at line \d|\n/)[0]!, pos[0]);
  }
  const checks = document.errors.length > 0 ? [] : reader.checks();
  const faults = reader.faults;
  return faults.length > 0 ? { suite: undefined, faults } : { suite: { path, checks }, faults: [] };
}

/** A value that was read, and where it stands. */
interface ReadValue {
  readonly value: SuiteValue;
  readonly at: number;
}

/** The yaml package, which is loaded late. */
type Yaml = typeof import("yaml");

/** Walks the parsed file by the table of keys and collects faults. */
class SuiteReader {
  readonly #yaml: Yaml;
  readonly #document: Document;
  readonly #path: string;
  readonly #locate: (offset: number) => GateLocation;
  readonly #faults: { readonly message: string; readonly at: number }[] = [];

  constructor(
    yaml: Yaml,
    document: Document,
    path: string,
    locate: (offset: number) => GateLocation,
  ) {
    this.#yaml = yaml;
    this.#document = document;
    this.#path = path;
    this.#locate = locate;
  }

  /** Faults in the order of the file. */
  get faults(): SuiteFault[] {
    return this.#faults.toSorted((a, b) => a.at - b.at).map(({ message, at }) => ({
      message,
      location: this.#locate(at),
    }));
  }

  /** Adds a fault at an offset of the text, in UTF-16 units. */
  fault(message: string, at: number): void {
    this.#faults.push({ message, at });
  }

  /** Reads the whole file. */
  checks(): SuiteCheck[] {
    const root = this.#map(this.#document.contents, "the file", 0);
    if (root === undefined) return [];
    const sections = this.#members(root, SUITE_SECTIONS, "the file");
    this.#version(sections.get("version"), offsetOf(root));
    const defaults = this.#defaults(sections.get("defaults"));
    const list = sections.get("checks");
    if (list === undefined) {
      this.fault("the file has no checks, expected a list of them under checks", offsetOf(root));
      return [];
    }
    const node = this.#resolve(list.value);
    if (!this.#yaml.isSeq(node) || node.items.length === 0) {
      this.fault("checks is no list of checks, expected at least one", offsetOf(list.value, list));
      return [];
    }
    const names = new Map<string, number>();
    return node.items.flatMap((item) =>
      this.#check(item as Node, defaults, names, offsetOf(node)) ?? []
    );
  }

  #version(pair: Pair<Node, Node> | undefined, root: number): void {
    const node = pair && this.#resolve(pair.value);
    if (pair === undefined) {
      this.fault(`the file states no version, expected version: ${SUITE_VERSION}`, root);
    } else if (!this.#yaml.isScalar(node) || node.value !== SUITE_VERSION) {
      const found = this.#describe(node);
      const at = offsetOf(pair.value, pair);
      this.fault(`version is ${found}, expected ${SUITE_VERSION}: update tinygraft`, at);
    }
  }

  #defaults(pair: Pair<Node, Node> | undefined): Map<string, ReadValue> {
    if (pair === undefined) return new Map();
    const map = this.#map(pair.value, "defaults", offsetOf(pair.key));
    return map === undefined ? new Map() : this.#values(map, "defaults", []);
  }

  #check(
    item: Node,
    defaults: ReadonlyMap<string, ReadValue>,
    names: Map<string, number>,
    list: number,
  ): SuiteCheck | undefined {
    const map = this.#map(item, "a check", list);
    if (map === undefined) return undefined;
    const at = offsetOf(map);
    const own = this.#values(map, "a check", [NAME_KEY]);
    const name = this.#name(own.get("name"), at, names, map.has("name"));
    own.delete("name");
    const all = new Map([...defaults, ...own]);
    const called = `check ${quote(name)}`;
    for (const key of SUITE_KEYS) {
      // A key with an unusable value has a fault of its own.
      if (key.required && !all.has(key.name) && !map.has(key.name)) {
        this.fault(`${called} has no ${key.name}: ${key.help}`, at);
      }
      if (key.needs !== undefined && all.has(key.name) && !all.has(key.needs)) {
        this.fault(`${called} has ${key.name} without ${key.needs}`, all.get(key.name)!.at);
      }
    }
    if (all.has("cloze") && all.has("head")) {
      this.fault(`${called} has both head and cloze, expected one of them`, all.get("head")!.at);
    }
    return {
      name,
      values: new Map([...all].map(([key, { value }]) => [key, value])),
      location: this.#locate(at),
      locations: new Map([...all].map(([key, read]) => [key, this.#locate(read.at)])),
    };
  }

  #name(
    read: ReadValue | undefined,
    check: number,
    names: Map<string, number>,
    given: boolean,
  ): string {
    if (read === undefined) {
      if (!given) this.fault("a check has no name", check);
      return "";
    }
    const name = String(read.value);
    const earlier = names.get(name);
    if (earlier !== undefined) {
      const { line } = this.#locate(earlier);
      this.fault(`the name ${quote(name)} stands in line ${line} too, expected another`, read.at);
    } else {
      names.set(name, read.at);
    }
    return name;
  }

  /** Reads the values of a mapping by the table. */
  #values(map: YAMLMap, what: string, more: readonly SuiteKey[]): Map<string, ReadValue> {
    const keys = [...more, ...SUITE_KEYS];
    const members = this.#members(map, keys.map(({ name }) => name), what);
    const values = new Map<string, ReadValue>();
    for (const key of keys) {
      const pair = members.get(key.name);
      if (pair === undefined) continue;
      const node = this.#resolve(pair.value);
      const at = offsetOf(pair.value, pair);
      const value = this.#yaml.isScalar(node) ? usableValue(key, node.value) : undefined;
      if (value === undefined) this.fault(this.#unusable(key, node), at);
      else values.set(key.name, { value: this.#placed(key, value), at });
    }
    return values;
  }

  /** A relative path is relative to the file, whatever folder the command runs in. */
  #placed({ kind }: SuiteKey, value: SuiteValue): SuiteValue {
    if (kind !== "path" || typeof value !== "string") return value;
    const folder = dirname(this.#path);
    return folder === "." || isRemote(value) || isAbsolute(value) ? value : join(folder, value);
  }

  #unusable(key: SuiteKey, node: unknown): string {
    const value = this.#yaml.isScalar(node) ? node.value : undefined;
    const hint = key.choices !== undefined && typeof value === "string"
      ? didYouMean(value, key.choices)
      : textKind(key) && typeof value !== "string" && this.#yaml.isScalar(node) && value !== null
      ? ": put it in quotes"
      : "";
    return `${key.name} is ${this.#describe(node)}, expected ${expectedValue(key)}${hint}`;
  }

  /** The members of a mapping by name; unknown names are faults. */
  #members(
    map: YAMLMap,
    known: readonly string[],
    what: string,
  ): Map<string, Pair<Node, Node>> {
    const members = new Map<string, Pair<Node, Node>>();
    for (const pair of map.items as Pair<Node, Node>[]) {
      const key = this.#resolve(pair.key);
      const name = this.#yaml.isScalar(key) ? String(key.value) : undefined;
      if (name !== undefined && known.includes(name)) {
        members.set(name, pair);
        continue;
      }
      const found = name === undefined ? "a key that is no text" : `the unknown key ${quote(name)}`;
      const hint = name === undefined ? "" : didYouMean(name, known);
      const all = hint === "" ? `, expected one of ${known.join(", ")}` : hint;
      this.fault(`${what} has ${found}${all}`, offsetOf(pair.key, map));
    }
    return members;
  }

  #map(given: unknown, what: string, at: number): YAMLMap | undefined {
    const node = this.#resolve(given);
    if (this.#yaml.isMap(node)) return node;
    this.fault(`${what} is ${this.#describe(node)}, expected keys and values`, offsetOf(given, at));
    return undefined;
  }

  /** Follows an alias to what it stands for. */
  #resolve(node: unknown): unknown {
    return this.#yaml.isAlias(node) ? node.resolve(this.#document) : node;
  }

  #describe(node: unknown): string {
    if (this.#yaml.isMap(node)) return "keys and values";
    if (this.#yaml.isSeq(node)) return "a list";
    const value = this.#yaml.isScalar(node) ? node.value : null;
    if (value === null || value === undefined || value === "") return "empty";
    return typeof value === "string" ? quote(value) : String(value);
  }
}

const NAME_KEY: SuiteKey = { name: "name", kind: "string", help: "the check's name" };

function textKind({ kind }: SuiteKey): boolean {
  return kind === "string" || kind === "path";
}

/** The value of a key as the table wants it; undefined when it cannot be used. */
function usableValue(key: SuiteKey, value: unknown): SuiteValue | undefined {
  switch (key.kind) {
    case "boolean":
      return typeof value === "boolean" ? value : undefined;
    case "number":
    case "integer": {
      if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
      if (key.kind === "integer" && !Number.isSafeInteger(value)) return undefined;
      return value >= (key.min ?? -Infinity) && value <= (key.max ?? Infinity) ? value : undefined;
    }
    case "column":
      if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return `${value}`;
      return typeof value === "string" && value !== "" ? value : undefined;
    case "path":
    case "string":
      if (typeof value !== "string" || value === "") return undefined;
      return key.choices === undefined || key.choices.includes(value) ? value : undefined;
  }
}

/** Where a node begins; empty values have no place of their own and are looked for at `near`. */
function offsetOf(node: unknown, near: number | Pair<Node, Node> | Node = 0): number {
  const range = (node as Node | null | undefined)?.range;
  if (range) return range[0];
  if (typeof near === "number") return near;
  return "key" in near ? offsetOf(near.key) : offsetOf(near);
}
