/**
 * Configurations and splits of a data set as its card names them, under `configs`.
 *
 * @module
 */

import { objectOf } from "../safetensors/json_objects.ts";
import { splitCard } from "./front_matter.ts";
import { isDataFile, type Split, type SplitChoice, splitOf } from "./splits.ts";

/** The longest front matter that is looked at, in characters; the Hub's largest have a tenth of it. */
const MAX_YAML = 4_000_000;

/** One configuration of a card. */
interface CardConfig {
  readonly name: string;
  readonly isDefault: boolean;
  /** Globs of paths by split. */
  readonly splits: ReadonlyMap<string, readonly string[]>;
}

/**
 * Finds the files of one split where the card of the data set says which they are.
 *
 * @param card The text of README.md.
 * @param paths All files of the repository, with slashes.
 * @param choice Configuration and split.
 * @returns The files; `undefined` where the card does not say, or says nothing that can be read as
 * one: a single file of any kind, or Parquet files that one name with `*` tells from all others.
 */
export async function configuredSplit(
  card: string,
  paths: readonly string[],
  choice: SplitChoice,
): Promise<Split | undefined> {
  const configs = await readConfigs(card);
  const config = choice.config === undefined
    ? configs.find(({ isDefault }) => isDefault) ?? (configs.length === 1 ? configs[0] : undefined)
    : configs.find(({ name }) => name === choice.config);
  if (config === undefined) return undefined;
  const split = splitOf([...config.splits.keys()], choice);
  const globs = config.splits.get(split ?? "") ?? [];
  const files = paths.filter((path) => globs.some((glob) => matchesGlob(path, glob))).sort();
  const [first] = files;
  if (first === undefined || !files.every(isDataFile)) return undefined;
  if (files.length === 1) return { files, pattern: first };
  const pattern = commonPattern(files);
  const others = paths.filter((path) => !files.includes(path));
  const isAlone = pattern !== undefined && others.every((path) => !matchesGlob(path, pattern));
  return isAlone ? { files, pattern } : undefined;
}

async function readConfigs(card: string): Promise<CardConfig[]> {
  const { yaml } = splitCard(card);
  if (yaml.length > MAX_YAML) return [];
  // Imported late: it takes longer to load than most of what a library's user does.
  const { parse } = await import("yaml");
  let front: unknown;
  try {
    front = parse(yaml, { maxAliasCount: 20 });
  } catch {
    return []; // then the card says nothing
  }
  const entries = objectOf(front)["configs"];
  return Array.isArray(entries) ? entries.map(readConfig) : [];
}

function readConfig(entry: unknown): CardConfig {
  const { config_name: given, default: isDefault, data_dir: folder, data_files: files } = objectOf(
    entry,
  );
  const name = typeof given === "string" ? given : "default";
  const prefix = typeof folder === "string" ? `${folder.replace(/^\.?\/|\/+$/g, "")}/` : "";
  const splits = new Map<string, string[]>();
  const add = (split: string, globs: unknown) => {
    const found = [globs].flat().filter((glob) => typeof glob === "string");
    const inside = found.map((glob) => `${prefix}${glob.replace(/^\.\//, "")}`);
    splits.set(split, [...splits.get(split) ?? [], ...inside]);
  };
  const listed = [files].flat();
  for (const part of listed) {
    const { split, path } = objectOf(part);
    if (typeof part === "string") add("train", part);
    else if (typeof split === "string") add(split, path);
    else for (const [key, globs] of Object.entries(objectOf(part))) add(key, globs);
  }
  return { name, isDefault: isDefault === true || name === "default", splits };
}

/** The path of Parquet files in one folder, with `*` for where their names differ. */
function commonPattern(files: readonly string[]): string | undefined {
  const folders = new Set(files.map((path) => path.slice(0, path.lastIndexOf("/") + 1)));
  const isParquet = files.every((path) => path.endsWith(".parquet"));
  if (folders.size > 1 || !isParquet) return undefined;
  const [first = "", last = ""] = [files[0], files.at(-1)]; // sorted: the others begin between them
  let begin = 0;
  while (begin < first.length && first[begin] === last[begin]) begin++;
  const shortest = Math.min(...files.map(({ length }) => length));
  let end = 0;
  const isCommon = (back: number) => files.every((path) => path.at(-back) === first.at(-back));
  while (begin + end < shortest && isCommon(end + 1)) end++;
  return `${first.slice(0, begin)}*${first.slice(first.length - end)}`;
}

/**
 * Whether a path matches a glob of a card: `*` and `?` stay inside a folder's name, `**` does not.
 * It takes time in proportion to both lengths, whoever wrote the glob; a regular expression may not.
 */
function matchesGlob(path: string, glob: string): boolean {
  const isName = (pattern: string, name: string) =>
    isWild(
      [...pattern],
      [...name],
      (mark) => mark === "*",
      (mark, letter) => mark === "?" || mark === letter,
    );
  return isWild(glob.split("/"), path.split("/"), (part) => part === "**", isName);
}

/** Whether a sequence matches a pattern, some of whose entries stand for any run of entries. */
function isWild(
  pattern: readonly string[],
  sequence: readonly string[],
  isAny: (entry: string) => boolean,
  fits: (entry: string, found: string) => boolean,
): boolean {
  let [at, next, any, from] = [0, 0, -1, 0];
  while (next < sequence.length) {
    const entry = pattern[at];
    if (entry !== undefined && isAny(entry)) {
      [any, from] = [at++, next];
    } else if (entry !== undefined && fits(entry, sequence[next]!)) {
      at++;
      next++;
    } else if (any >= 0) {
      at = any + 1;
      next = ++from; // the last run takes one entry more
    } else return false;
  }
  return pattern.slice(at).every(isAny);
}
