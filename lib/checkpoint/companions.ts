/**
 * Which files of a checkpoint's folder are carried over to a changed copy of it.
 *
 * @module
 */

import { join } from "@std/path";
import { isSafeFileName } from "../safetensors/shard_index.ts";
import { isCompanion, isWeights } from "./names.ts";
import type { Place } from "./place.ts";
import { isSymlink, listFolder, readTextFile, statPath } from "./sources.ts";

/** The list of modules that the sentence-transformers library keeps beside a model. */
const MODULES = "modules.json";
/** Deeper folders than those of any model are someone's own tree. */
const MAX_DEPTH = 8;

/**
 * Lists the files that belong to a checkpoint beside its weights, in its subfolders too.
 *
 * A subfolder that holds weights is another form of the same model (`onnx`, `checkpoint-500`) and
 * is left out whole, with one exception: the modules that `modules.json` names, such as `2_Dense`,
 * have weights of their own and come along whole. Links to folders are not followed.
 *
 * @param folder The checkpoint's folder.
 * @returns Paths relative to it with slashes, sorted within each folder: no weights of its own, no
 * index, nothing hidden.
 * @throws {TinygraftError} with `unreadable`.
 */
export async function listFolderCompanions(folder: string): Promise<string[]> {
  const modules = await readModules(folder);
  return listFolder(folder).flatMap((name) => {
    const path = join(folder, name);
    const kind = statPath(path)?.kind;
    if (kind === "file") return isCompanion(name) ? [name] : [];
    if (kind !== "folder" || name.startsWith(".") || isSymlink(path)) return [];
    const files = filesBelow(path, 1);
    if (!modules.has(name) && files.some(isWeights)) return [];
    return files.map((file) => `${name}/${file}`);
  });
}

/**
 * Lists the files that belong to a checkpoint on a server, by the rules for folders of this
 * machine; none where the server lists none. Names that would leave their folder are no files.
 *
 * @param place The checkpoint's folder.
 * @returns Paths relative to it with slashes, sorted.
 * @throws {TinygraftError} when the server does not answer.
 */
export async function listRemoteCompanions(place: Place): Promise<string[]> {
  const all = await place.listAll?.() ?? [];
  const paths = all.filter((path) => {
    const names = path.split("/");
    return names.length <= MAX_DEPTH &&
      names.every((name) => isSafeFileName(name) && !name.startsWith("."));
  });
  const modules = paths.includes(MODULES) ? parseModules(await place.readText(MODULES)) : new Set();
  const folderOf = (path: string) => path.slice(0, path.indexOf("/"));
  const withWeights = new Set(paths.filter(isWeights).map(folderOf));
  return paths.filter((path) => {
    if (!path.includes("/")) return isCompanion(path);
    return modules.has(folderOf(path)) || !withWeights.has(folderOf(path));
  });
}

async function readModules(folder: string): Promise<ReadonlySet<string>> {
  const path = join(folder, MODULES);
  return statPath(path)?.kind === "file" ? parseModules(await readTextFile(path)) : new Set();
}

/** The subfolders that hold parts of the model; none when the list cannot be understood. */
function parseModules(text: string): ReadonlySet<string> {
  let modules: unknown;
  try {
    modules = JSON.parse(text);
  } catch {
    return new Set();
  }
  if (!Array.isArray(modules)) return new Set();
  const paths = modules.map((module: unknown) =>
    typeof module === "object" && module !== null && "path" in module ? String(module.path) : ""
  );
  return new Set(paths.map((each) => each.replace(/^\.\//, "").replace(/\/+$/, "")));
}

function filesBelow(folder: string, depth: number): string[] {
  return listFolder(folder).flatMap((name) => {
    const path = join(folder, name);
    const kind = statPath(path)?.kind;
    if (name.startsWith(".")) return [];
    if (kind === "file") return [name];
    if (kind !== "folder" || depth === MAX_DEPTH || isSymlink(path)) return [];
    return filesBelow(path, depth + 1).map((file) => `${name}/${file}`);
  });
}
