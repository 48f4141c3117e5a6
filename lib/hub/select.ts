/**
 * Which files of a repository are wanted.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { indexName, isKnownName, isWeights, MODEL_WEIGHTS } from "../checkpoint/names.ts";
import { matchingNames } from "../checkpoint/tensor_names.ts";
import { parseShardIndex } from "../safetensors/shard_index.ts";

/** What to take of a repository. */
export interface Selection {
  /** Globs of paths, in which `*` crosses slashes; each must match. Without any, a model's files. */
  readonly include?: readonly string[] | undefined;
  /** Globs of paths to leave out; each must match. */
  readonly exclude?: readonly string[] | undefined;
  /** The file at the top to take as the weights, or the index of their shards; else it is chosen. */
  readonly weights?: string | undefined;
}

const ADAPTER_WEIGHTS = "adapter_model.safetensors";
const PYTORCH_WEIGHTS = "pytorch_model.bin";
/** Papers that go with a model: its card, and the terms under which it may be used. */
const PAPER = /^(?:README\.md|(?:LICEN[CS]E|NOTICE|COPYING)(?:[.-][\w.-]+)?)$/i;

/**
 * Chooses the files to fetch.
 *
 * Without `include` these are the files at the top that loading takes: configuration, tokenizer,
 * card and licence, and one set of weights: an adapter's, `model.safetensors` or its shards, else
 * all other safetensors files, else `pytorch_model.bin` or its shards.
 *
 * @param paths All files of the folder, with slashes.
 * @param selection What to take instead, and what to leave out.
 * @param readText Reads a file of the folder: the index of shards, if there is one to follow.
 * @param location The folder, for messages.
 * @returns The files, sorted.
 * @throws {TinygraftError} with `no-match` for a glob without effect, `file-not-found` when nothing
 * is left; what `parseShardIndex` throws for the index.
 */
export async function selectFiles(
  paths: readonly string[],
  selection: Selection,
  readText: (path: string) => Promise<string>,
  location: string,
): Promise<string[]> {
  const { include = [], exclude = [] } = selection;
  const chosen = include.length > 0
    ? matchingNames(paths, include, "--include")
    : await modelFiles(paths, selection.weights, readText, location);
  const dropped = matchingNames(paths, exclude, "--exclude");
  const left = [...chosen].filter((path) => !dropped.has(path)).sort();
  if (left.length > 0) return left;
  throw new TinygraftError(
    `Cannot pull "${location}": of its ${paths.length} files none is a model's: name some with ` +
      "--include",
    { code: "file-not-found", path: location },
  );
}

async function modelFiles(
  paths: readonly string[],
  weights: string | undefined,
  readText: (path: string) => Promise<string>,
  location: string,
): Promise<Set<string>> {
  const top = paths.filter((path) => !path.includes("/"));
  const files = top.filter((path) => PAPER.test(path) || (isKnownName(path) && !isWeights(path)));
  for (const path of weights === undefined ? chooseWeights(top) : [weights]) {
    files.push(path);
    if (!path.endsWith(".index.json")) continue;
    const { weightMap } = parseShardIndex(await readText(path), `${location}/${path}`);
    for (const shard of new Set(weightMap.values())) files.push(shard);
  }
  return new Set(files);
}

/** One set of weights, the safest and smallest to load; of several only the usual one. */
function chooseWeights(top: readonly string[]): readonly string[] {
  const usual = [ADAPTER_WEIGHTS, MODEL_WEIGHTS, indexName(MODEL_WEIGHTS)];
  const safetensors = top.filter((path) => path.endsWith(".safetensors"));
  const pytorch = [PYTORCH_WEIGHTS, indexName(PYTORCH_WEIGHTS)];
  const [found] = [...usual, ...safetensors.length > 0 ? [] : pytorch]
    .filter((path) => top.includes(path));
  return found === undefined ? safetensors : [found];
}
