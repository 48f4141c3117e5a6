/**
 * The YAML at the start of a model card: read, changed without losing what is not ours, written.
 *
 * @module
 */

import type { Document } from "yaml";
import { TinygraftError } from "../errors.ts";

/** A card in two parts. */
export interface SplitCard {
  /** The YAML between the lines of dashes; "" where there is none. */
  readonly yaml: string;
  /** All that follows. */
  readonly body: string;
}

const FENCED = /^\ufeff?---[ \t]*\r?\n(?:([\s\S]*?)\r?\n)?---[ \t]*(?:\r?\n|$)/;
const RELATIONS = ["adapter", "finetune", "merge", "quantized"];

/**
 * Splits a card.
 *
 * @param text The text of README.md.
 * @returns Its front matter and its body.
 */
export function splitCard(text: string): SplitCard {
  const match = FENCED.exec(text);
  if (match === null) return { yaml: "", body: text };
  return { yaml: match[1] ?? "", body: text.slice(match[0].length) };
}

/** What to put into front matter. */
export interface FrontMatterChanges {
  /** Keys that get these values. */
  readonly set: ReadonlyMap<string, unknown>;
  /** Keys that get these values where they have none yet. */
  readonly fill: ReadonlyMap<string, unknown>;
  /** Lists that get these entries, where they lack them. */
  readonly add: ReadonlyMap<string, readonly string[]>;
}

/**
 * Changes front matter. Other keys, their order and comments stay. What some reader of YAML would
 * take for a number or a truth value is quoted.
 *
 * @param yaml The front matter as it was.
 * @param changes What to put in.
 * @param path The card, for messages.
 * @returns The front matter with a newline at its end.
 * @throws {TinygraftError} with `card-invalid` when it is no YAML of keys and values, or breaks a
 * rule that the Hub has.
 */
export async function changeFrontMatter(
  yaml: string,
  changes: FrontMatterChanges,
  path: string,
): Promise<string> {
  const document = await parse(yaml, path);
  for (const [key, value] of changes.set) document.set(key, document.createNode(value));
  for (const [key, value] of changes.fill) {
    if (isEmpty(document.get(key))) document.set(key, document.createNode(value));
  }
  for (const [key, entries] of changes.add) addTo(document, key, entries);
  assertCardRules(document.toJS() as Record<string, unknown>, path);
  // Both readings of YAML that the Hub's tools have: 1.2, and Python's, which is 1.1.
  return document.toString({ lineWidth: 0 });
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === "";
}

async function parse(yaml: string, path: string): Promise<Document> {
  // Imported late: it takes longer to load than most of what a library's user does.
  const { isMap, parseDocument } = await import("yaml");
  const document = parseDocument(yaml, { compat: "yaml-1.1", maxAliasCount: 20 } as object);
  const [error] = document.errors;
  const found = error?.message.split("\n")[0];
  if (error !== undefined) throw invalid(path, `its front matter is no YAML: ${found}`);
  if (document.contents !== null && !isMap(document.contents)) {
    throw invalid(path, "its front matter is no list of keys and values");
  }
  return document;
}

function addTo(document: Document, key: string, entries: readonly string[]): void {
  const before = (document.toJS() as Record<string, unknown> | null)?.[key];
  if (isEmpty(before)) {
    document.set(key, document.createNode([...entries]));
    return;
  }
  const list = Array.isArray(before) ? before : [before];
  if (!Array.isArray(before)) document.set(key, document.createNode(list));
  for (const entry of entries) {
    if (!list.includes(entry)) document.addIn([key], entry);
  }
}

/** The Hub's rules, as far as they are known and concern what a card of an adapter holds. */
function assertCardRules(metadata: Readonly<Record<string, unknown>>, path: string): void {
  const isId = (value: unknown) =>
    typeof value === "string" && /^[\w.-]+(?:\/[\w.-]+)?$/.test(value);
  const all = (key: string, test: (value: unknown) => boolean, expected: string) => {
    const value = metadata[key];
    if (value === undefined || [value].flat().every(test)) return;
    throw invalid(path, `"${key}" is ${JSON.stringify(value).slice(0, 80)}, expected ${expected}`);
  };
  all("base_model", isId, "the id of a model: org/name");
  all("datasets", isId, "ids of data sets");
  all("tags", (value) => typeof value === "string", "words");
  all("license", (value) => typeof value === "string", "the id of a licence, such as apache-2.0");
  const isRelation = (value: unknown) => RELATIONS.includes(String(value));
  all("base_model_relation", isRelation, `one of ${RELATIONS.join(", ")}`);
  all("library_name", (value) => value !== "peft", "another library: PEFT cannot load this");
}

function invalid(path: string, found: string): TinygraftError {
  return new TinygraftError(`Cannot write "${path}": ${found}: mend it by hand first`, {
    code: "card-invalid",
    path,
  });
}
