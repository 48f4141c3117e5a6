/**
 * One split of a data set of the Hub onto this machine.
 *
 * @module
 */

import { join } from "@std/path";
import { type ErrorCode, TinygraftError, UsageError } from "../errors.ts";
import { type HubAddress, parseAddress, showFolder } from "../remote/address.ts";
import { RemoteClient } from "../remote/client.ts";
import { configuredSplit } from "./dataset_configs.ts";
import { type ChooseFiles, pullAddress, type PullOptions } from "./pull.ts";
import { isDataFile, type Split, type SplitChoice, splitFiles } from "./splits.ts";

/** Which split is meant where an address names none. */
export type PreferredSplit = "train" | "validation";

/** How a data set is pulled. */
export interface PullDatasetOptions extends Omit<PullOptions, "output" | "dryRun" | "force"> {
  /** The split where the address names none; one of the usual others stands in for validation. */
  readonly preferred: PreferredSplit;
}

/** The branch on which the Hub keeps what it made of data sets in other formats. */
const CONVERTED = "refs/convert/parquet";
const CARD = "README.md";
const ADDRESS = /^hf:\/\/datasets\/([^:]*?)(?::([\w.-]+))?$/i;
const FORM = "hf://datasets/org/name[@revision][/config][:split], or the address of one file";

/**
 * Whether a location is a data set's on the Hub.
 *
 * @param location What the user gave.
 */
export function isDatasetAddress(location: string): boolean {
  return /^hf:\/\/datasets\//i.test(location);
}

/**
 * Pulls one split of a data set, or one file, into the cache that the Hub's tools share, checked
 * like a model's files. Where the names of files and folders do not tell what is asked for, `configs`
 * of the card does. Where the repository itself has no Parquet files, those are taken that the
 * Hub made of it, on its branch `refs/convert/parquet`. Without requests the cache alone answers.
 *
 * @param location `hf://datasets/org/name[@revision][/config][:split]`, or with the path of a file.
 * @param options Where the cache is, how the Hub is reached, and which split is meant.
 * @returns The path of the file; of a split in several files with `*` for what tells them apart.
 * @throws {UsageError} for a malformed address.
 * @throws {TinygraftError} with `file-not-found` where there is no such configuration or split,
 * `offline` where the cache lacks it, else as `pull` does.
 *
 * @example What is not in the cache cannot be had without requests
 * ```ts
 * import { pullDataset, TinygraftError } from "tinygraft";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * const cache = await Deno.makeTempDir();
 * const options = { cache, offline: true, preferred: "validation" } as const;
 * const pulling = () => pullDataset("hf://datasets/nyu-mll/glue/sst2", options);
 * const error = await assertRejects(pulling, TinygraftError);
 * assertEquals(error.code, "offline");
 * await Deno.remove(cache);
 * ```
 */
export async function pullDataset(location: string, options: PullDatasetOptions): Promise<string> {
  const client = new RemoteClient(options);
  const { address, path, split } = parseDataset(location, client);
  if (isDataFile(path)) {
    const file = { files: [path], pattern: path };
    return await pullSplit(address, client, options, () => Promise.resolve(file));
  }
  const asked = { config: path === "" ? undefined : path, split, preferred: options.preferred };
  const choose: ChooseSplit = (paths, readText) => findSplit(paths, asked, location, readText);
  try {
    return await pullSplit(address, client, options, choose);
  } catch (error) {
    const isMissing = hasCode(error, "file-not-found") || hasCode(error, "offline");
    if (!isMissing || address.revision !== undefined) throw offlineError(error, location, options);
    const converted = { ...address, revision: CONVERTED };
    return await pullSplit(converted, client, options, choose).catch((second: unknown) => {
      const isNone = hasCode(second, "revision-not-found") || hasCode(second, "offline");
      throw offlineError(isNone ? error : second, location, options);
    });
  }
}

/** Chooses the files of a split as {@linkcode ChooseFiles} chooses files. */
type ChooseSplit = (...given: Parameters<ChooseFiles>) => Promise<Split>;

/** By the names of files and folders; where these do not tell, by what the card says of them. */
async function findSplit(
  paths: readonly string[],
  asked: SplitChoice,
  location: string,
  readText: (path: string) => Promise<string>,
): Promise<Split> {
  try {
    return splitFiles(paths, asked, location);
  } catch (error) {
    if (!hasCode(error, "file-not-found") || !paths.includes(CARD)) throw error;
    const found = await configuredSplit(await readText(CARD), paths, asked);
    if (found === undefined) throw error;
    return { ...found, files: [...found.files, CARD] }; // so that the cache alone can tell, too
  }
}

async function pullSplit(
  address: HubAddress,
  client: RemoteClient,
  options: PullDatasetOptions,
  choose: ChooseSplit,
): Promise<string> {
  let pattern = "";
  const { folder } = await pullAddress(address, client, {
    ...options,
    trustCache: true,
    choose: async (paths, readText) => {
      const chosen = await choose(paths, readText);
      pattern = chosen.pattern;
      return chosen.files;
    },
  });
  return join(folder, pattern);
}

/** What the cache lacks may be on the Hub. */
function offlineError(error: unknown, path: string, { offline }: PullDatasetOptions): unknown {
  if (!offline || !(error instanceof TinygraftError) || !hasCode(error, "file-not-found")) {
    return error;
  }
  const message = `${error.message}, while HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set`;
  return new TinygraftError(message, { code: "offline", path, cause: error });
}

function hasCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof TinygraftError && error.code === code;
}

function parseDataset(location: string, { endpoint }: RemoteClient) {
  const [, repository, split] = ADDRESS.exec(location) ?? [];
  const address = repository === undefined
    ? undefined
    : parseAddress(`hf://${repository}`, endpoint);
  if (address?.kind !== "hub" || address.file !== undefined) {
    throw new UsageError(`Cannot use the address "${location}": expected ${FORM}`);
  }
  const { folder: path } = address;
  if (isDataFile(path) && split !== undefined) {
    throw new UsageError(
      `Cannot use the address "${location}": ${showFolder(address)} is one file and has no split`,
    );
  }
  return { address: { ...address, repoType: "dataset" as const, folder: "" }, path, split };
}
