/**
 * How data sets of the Hub lay out their configurations and splits in Parquet files.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";

/** Which files are asked for. */
export interface SplitChoice {
  /** The configuration: the folder of its files; `undefined` for the only or usual one. */
  readonly config: string | undefined;
  /** The split; `undefined` for the preferred one. */
  readonly split: string | undefined;
  /** The split to take where none is named. */
  readonly preferred: "train" | "validation";
}

/** The files of one split. */
export interface Split {
  /** Their paths, sorted. */
  readonly files: readonly string[];
  /** The path of the only file, or one with `*` for what tells them apart. */
  readonly pattern: string;
}

/** A Parquet file and what its path says. */
interface Part {
  readonly path: string;
  readonly config: string;
  readonly split: string;
  /** How many files the split has; `undefined` where the name does not tell. */
  readonly count: number | undefined;
  readonly pattern: string;
}

const DATA_FILE = /\.(?:parquet|tsv|txt|csv|jsonl|ndjson)$/i;
/** `sst2/validation-00000-of-00001.parquet`, or `data/train.parquet`. */
const NAMED = /^(?:(.*)\/)?([\w.]+?)(?:-\d{5}-of-(\d{5}))?\.parquet$/;
/** `sst2/validation/0000.parquet`, as the Hub converts. */
const NUMBERED = /^(?:(.*)\/)?(?:partial-)?([^/]+)\/\d{4}\.parquet$/;
/** Folders of data sets with one configuration. */
const USUAL_CONFIGS = ["", "data", "default", "plain_text"];
/** What stands in for a validation split, best first. */
const VALIDATION = ["validation", "validation_matched", "valid", "val", "dev", "test"];

/**
 * Whether a path is that of one file with rows.
 *
 * @param path The path in the repository.
 */
export function isDataFile(path: string): boolean {
  return DATA_FILE.test(path);
}

/**
 * Finds the files of one split.
 *
 * @param paths All files of the repository, with slashes.
 * @param choice Configuration and split.
 * @param location The data set, for messages.
 * @returns The files.
 * @throws {TinygraftError} with `file-not-found`, naming what there is.
 */
export function splitFiles(
  paths: readonly string[],
  choice: SplitChoice,
  location: string,
): Split {
  const parts = paths.flatMap((path) => partOf(path) ?? []);
  if (parts.length === 0) {
    throw notFound(location, `none of its ${paths.length} files is Parquet`, "name another file");
  }
  const configs = [...new Set(parts.map(({ config }) => config))].sort();
  const config = choice.config ?? usual(configs);
  const ofConfig = parts.filter((part) => part.config === config);
  if (config === undefined || ofConfig.length === 0) {
    const found = choice.config === undefined
      ? `it has ${configs.length} configurations`
      : `it has no configuration "${choice.config}"`;
    throw notFound(location, found, `name one of ${configs.join(", ")}, as in org/name/CONFIG`);
  }
  const splits = [...new Set(ofConfig.map(({ split }) => split))].sort();
  const split = splitOf(splits, choice);
  const chosen = ofConfig.filter((part) => part.split === split);
  const [first] = chosen;
  if (first === undefined) {
    const found = split === undefined
      ? "it is not clear which split"
      : `it has no split "${split}"`;
    throw notFound(location, found, `name one of ${splits.join(", ")}, as in org/name:SPLIT`);
  }
  const { count = chosen.length } = first;
  if (count !== chosen.length) {
    const found = `of ${count} files of the split "${split}" there are ${chosen.length}`;
    throw notFound(location, found, "name its files one by one");
  }
  const files = chosen.map(({ path }) => path).sort();
  return { files, pattern: files.length === 1 ? first.path : first.pattern };
}

function partOf(path: string): Part | undefined {
  const numbered = NUMBERED.exec(path);
  if (numbered !== null) {
    const [, config = "", split = ""] = numbered;
    return {
      path,
      config,
      split,
      count: undefined,
      pattern: path.replace(/\d{4}\.parquet$/, "*.parquet"),
    };
  }
  const named = NAMED.exec(path);
  if (named === null) return undefined;
  const [, config = "", split = "", count] = named;
  return {
    path,
    config,
    split,
    count: count === undefined ? undefined : Number(count),
    pattern: path.replace(/-\d{5}-of-/, "-*-of-"),
  };
}

function usual(configs: readonly string[]): string | undefined {
  if (configs.length === 1) return configs[0];
  return USUAL_CONFIGS.find((config) => configs.includes(config));
}

/**
 * Chooses a split.
 *
 * @param splits Those that there are.
 * @param choice What is asked for.
 * @returns The one that is named, there or not, else the preferred one or the only one; `undefined`
 * where it is not clear.
 */
export function splitOf(
  splits: readonly string[],
  { split, preferred }: SplitChoice,
): string | undefined {
  if (split !== undefined) return split;
  const order = preferred === "train" ? ["train"] : VALIDATION;
  return order.find((split) => splits.includes(split)) ??
    (splits.length === 1 ? splits[0] : undefined);
}

function notFound(path: string, found: string, remedy: string): TinygraftError {
  return new TinygraftError(`Cannot read "${path}": ${found}: ${remedy}`, {
    code: "file-not-found",
    path,
  });
}
