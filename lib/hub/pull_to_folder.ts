/**
 * Pulling into a folder, which appears when it is whole.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { TinygraftError } from "../errors.ts";
import { removeTree } from "../checkpoint/leftovers.ts";
import { isKnownName } from "../checkpoint/names.ts";
import { outputExists, outputTarget } from "../checkpoint/output.ts";
import { moveIntoPlace, syncPath } from "../checkpoint/save.ts";
import { listFolder, statPath } from "../checkpoint/sources.ts";
import type { RemoteClient } from "../remote/client.ts";
import { blobName } from "./digest.ts";
import { downloadFile } from "./download.ts";
import { copyFile, digestIfRight, makeParents, withLock } from "./files.ts";
import {
  damaged,
  findRight,
  type PulledFile,
  type PulledSet,
  type PullResult,
  type TargetOptions,
  type WantedFile,
} from "./pulled_set.ts";

/**
 * Makes a folder of the files. It grows beside its place under a name that a later run finds
 * again, and is renamed when it is whole.
 *
 * @param set The files.
 * @param client The way to the Hub.
 * @param options Where, and how the work goes on.
 * @returns The folder and the files.
 * @throws {TinygraftError} with `output-exists`, `foreign-files` or `unwritable-output`.
 */
export async function toFolder(
  set: PulledSet,
  client: RemoteClient,
  options: TargetOptions & { readonly output: string; readonly force?: boolean | undefined },
): Promise<PullResult> {
  const { output, force = false } = options;
  const target = outputTarget(output);
  checkFree(output, target, set, force);
  const stage = join(dirname(target), `.${basename(target)}.tinygraft-pull`);
  return await withLock(join(stage, "lock"), options, async () => {
    checkFree(output, target, set, force); // another process may have been quicker
    const grown = join(stage, "files");
    const parts = join(stage, `parts-${set.commit}`);
    await Deno.mkdir(parts, { recursive: true });
    await Deno.mkdir(grown, { recursive: true });
    removeOthers(grown, new Set(set.files.map(({ path }) => path)));
    const files = await set.each(
      (file, onBytes) => intoFolder(set, file, client, { ...options, grown, parts, onBytes }),
      options.onProgress,
    ).catch((error) => {
      if (!holdsBytes(stage)) removeTree(stage); // else the next run goes on with them
      throw error;
    });
    await syncPath(grown);
    if (!moveIntoPlace(grown, target, force)) throw outputExists(output);
    removeTree(stage);
    return { commit: set.commit, folder: output, files };
  });
}

function holdsBytes(folder: string): boolean {
  return listFolder(folder).some((name) => {
    const path = join(folder, name);
    const status = statPath(path);
    return status?.kind === "folder" ? holdsBytes(path) : (status?.byteLength ?? 0) > 0;
  });
}

/** Refuses an output that is there, unless it is to be replaced and holds nothing of other kinds. */
function checkFree(output: string, target: string, set: PulledSet, force: boolean): void {
  const status = statPath(target);
  if (status === undefined) return;
  if (!force) throw outputExists(output);
  const planned = new Set(set.files.map(({ path }) => path.split("/")[0]!));
  const foreign = status.kind === "folder"
    ? listFolder(target).find((name) => !planned.has(name) && !isKnownName(name))
    : basename(target);
  if (foreign === undefined) return;
  throw new TinygraftError(
    `Cannot replace "${output}": it holds or is "${foreign}", expected a folder with files of a ` +
      "checkpoint or adapter only: move it away or choose another output",
    { code: "foreign-files", path: output },
  );
}

/** Removes what an earlier run fetched and this one does not want. */
function removeOthers(folder: string, wanted: ReadonlySet<string>, prefix = ""): void {
  for (const name of listFolder(folder)) {
    const path = join(folder, name);
    if (statPath(path)?.kind === "folder") removeOthers(path, wanted, `${prefix}${name}/`);
    else if (!wanted.has(`${prefix}${name}`)) Deno.removeSync(path);
  }
}

/** One file in the growing folder: kept, copied from the cache, or fetched. */
async function intoFolder(
  { cache }: PulledSet,
  { path, expected, remote, content }: WantedFile,
  client: RemoteClient,
  options: TargetOptions & {
    readonly grown: string;
    readonly parts: string;
    onBytes(bytes: number): void;
  },
): Promise<PulledFile> {
  const { grown, parts, onBytes, signal } = options;
  const target = makeParents(grown, path);
  const bytes = expected.byteLength;
  const kept = await digestIfRight(target, expected, options);
  if (kept !== undefined) {
    onBytes(bytes);
    return { path, bytes, sha256: kept, from: remote === undefined ? "cache" : "hub" };
  }
  if (statPath(target) !== undefined) await Deno.remove(target);
  const name = blobName(expected);
  const held = content ?? cache.blob(name ?? "").path;
  const found = await findRight(held, expected, { ...options, trustCache: false });
  if (found !== undefined) {
    await copyFile(held, target, options);
    onBytes(bytes);
    return { path, bytes, sha256: found.sha256, from: "cache" };
  }
  if (remote === undefined) throw damaged(path, held);
  // Of two files with one content each grows by itself.
  const partial = join(parts, path.replaceAll("/", "%2F"));
  const sha256 = await downloadFile(client, {
    ...{ file: remote, expected, onBytes, signal },
    partial,
    target,
  });
  return { path, bytes, sha256, from: "hub" };
}
