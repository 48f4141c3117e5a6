/**
 * Checks made before anything is written: is the output free, is it an input, can it be replaced?
 *
 * @module
 */

import { basename, dirname, join, resolve } from "@std/path";
import { TinygraftError } from "../errors.ts";
import { isKnownName } from "./names.ts";
import { assertLocal } from "./place.ts";
import type { Plan } from "./plan.ts";
import { isSymlink, listFolder, realPath, statPath } from "./sources.ts";

/** What the checks depend on. */
export interface OutputOptions {
  /** Whether an existing output may be replaced. */
  readonly force?: boolean;
}

/**
 * Finds where an output will truly be: absolute, symlinks followed.
 *
 * @param output The path as the user gave it.
 * @returns The path to rename onto.
 * @throws {UsageError} when it is an address.
 * @throws {TinygraftError} with `unwritable-output` when the folder around it is missing or no
 * folder, or when the path is a symlink to nothing.
 */
export function outputTarget(output: string): string {
  assertLocal(output, "an output");
  const path = resolve(output);
  const parent = dirname(path);
  if (output === "" || parent === path) throw unwritable(output, "it names no file or folder");
  const status = statPath(parent);
  if (status === undefined) {
    throw unwritable(output, `its folder "${parent}" does not exist: create it first`);
  }
  if (status.kind !== "folder") {
    throw unwritable(output, `"${parent}" is no folder: choose another place`);
  }
  if (statPath(path) !== undefined) return realPath(path);
  if (isSymlink(path)) throw unwritable(output, "it is a symlink to nothing: remove it");
  return join(realPath(parent), basename(path));
}

/**
 * Checks that a plan's output may be written; nothing is changed.
 *
 * @param plan The plan.
 * @param options Whether an existing output may be replaced.
 * @throws {TinygraftError} with `output-is-input` when the output is an input under any name,
 * contains one, or lies inside an input folder; `output-exists` without `force`; `foreign-files`
 * when a folder to replace holds files that are not a checkpoint's; `unwritable-output` when the
 * place cannot be written.
 */
export function checkOutput(plan: Plan, options: OutputOptions = {}): void {
  const target = outputTarget(plan.output);
  checkNotInput(plan, target);
  const status = statPath(target);
  if (status === undefined) return;
  const { output } = plan;
  if (!options.force) throw outputExists(output);
  if (status.kind === plan.kind) {
    if (plan.kind === "folder") checkReplaceable(plan, target);
    return;
  }
  const found = { file: "a file", folder: "a folder", other: "a device" }[status.kind];
  const expected = plan.kind === "file" ? "a file" : "a folder";
  throw unwritable(output, `it is ${found}, expected ${expected}: choose another output`);
}

/**
 * Makes the error for an output that is there and may not be replaced.
 *
 * @param output The output as the user gave it.
 * @returns An error with `output-exists`.
 */
export function outputExists(output: string): TinygraftError {
  return new TinygraftError(
    `Cannot write "${output}": it exists already: choose another output or give --force`,
    { code: "output-exists", path: output },
  );
}

function unwritable(output: string, found: string): TinygraftError {
  return new TinygraftError(`Cannot write "${output}": ${found}`, {
    code: "unwritable-output",
    path: output,
  });
}

/** Equal for two names of one file or folder; undefined where nothing is there. */
function identityOf(path: string): string | undefined {
  const status = statPath(path);
  return status && (status.identity ?? realPath(path));
}

/** Identities of the folders around an absolute path, innermost first. */
function foldersAround(path: string): string[] {
  const identities: string[] = [];
  for (let folder = dirname(path);; folder = dirname(folder)) {
    const identity = identityOf(folder);
    if (identity !== undefined) identities.push(identity);
    if (folder === dirname(folder)) return identities;
  }
}

function checkNotInput(plan: Plan, target: string): void {
  const refuse = (found: string) => {
    throw new TinygraftError(
      `Cannot write "${plan.output}": ${found}: choose another output`,
      { code: "output-is-input", path: plan.output },
    );
  };
  const output = identityOf(target);
  const aroundOutput = new Set(foldersAround(target));
  for (const input of plan.inputs) {
    const identity = identityOf(input);
    if (identity === undefined) continue;
    if (identity === output) refuse(`it is the input "${input}"`);
    if (aroundOutput.has(identity)) refuse(`it lies inside the input folder "${input}"`);
    if (output === undefined) continue;
    // Both where the input is named and where its symlinks lead: either would be replaced.
    const aroundInput = [...foldersAround(resolve(input)), ...foldersAround(realPath(input))];
    if (aroundInput.includes(output)) refuse(`it contains the input "${input}"`);
  }
}

function checkReplaceable(plan: Plan, folder: string): void {
  const foreign = foreignNames(folder, "", new Set(plan.files.map(({ path }) => path)));
  if (foreign.length === 0) return;
  const names = foreign.slice(0, 5).map((name) => `"${name}"`).join(", ");
  throw new TinygraftError(
    `Cannot replace "${plan.output}": it holds ${names}${
      foreign.length > 5 ? " …" : ""
    }, expected ` +
      "only files of a checkpoint or adapter: move them away or choose another output",
    { code: "foreign-files", path: plan.output },
  );
}

/**
 * Lists what is neither planned nor of a kind that checkpoints have. Below the top only what is
 * planned counts: a subfolder may hold anything.
 */
function foreignNames(folder: string, prefix: string, planned: ReadonlySet<string>): string[] {
  return listFolder(folder).flatMap((name) => {
    const path = `${prefix}${name}`;
    if (planned.has(path) || (prefix === "" && isKnownName(name))) return [];
    const isPlannedFolder = [...planned].some((each) => each.startsWith(`${path}/`));
    const inner = join(folder, name);
    if (!isPlannedFolder || isSymlink(inner) || statPath(inner)?.kind !== "folder") return [path];
    return foreignNames(inner, `${path}/`, planned);
  });
}
