/**
 * Choosing tensors by glob and renaming them by regular expression.
 *
 * @module
 */

import { globToRegExp } from "@std/path";
import { TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";

/** One replacement in tensor names. */
export interface Renaming {
  /** What to look for, with the flag `g` to replace every match in a name. */
  readonly pattern: RegExp;
  /** What to put there, with `$1` and the like as `String.replace` takes them. */
  readonly replacement: string;
}

/**
 * Turns a glob into a pattern for whole tensor names, which are no paths: `*` crosses dots and
 * slashes alike.
 *
 * @param glob For example `*.LayerNorm.*` or `{bert,roberta}.*`.
 * @returns The pattern.
 */
export function namePattern(glob: string): RegExp {
  const { source } = globToRegExp(glob, { globstar: false, os: "linux" });
  return new RegExp(source.replaceAll("[^/]*", ".*"), "s");
}

/**
 * Finds the names that any of some globs matches.
 *
 * @param names The names to choose from.
 * @param globs The globs; each must match a name, since a typing error would else pass unseen.
 * @param flag What the globs are called, for messages, such as "--include".
 * @returns The names found.
 * @throws {TinygraftError} with `no-match` when a glob matches none.
 */
export function matchingNames(
  names: Iterable<string>,
  globs: readonly string[],
  flag: string,
): Set<string> {
  const all = [...names];
  const found = new Set<string>();
  for (const glob of globs) {
    const pattern = namePattern(glob);
    const matches = all.filter((name) => pattern.test(name));
    if (matches.length === 0) throw noMatch(flag, glob);
    for (const name of matches) found.add(name);
  }
  return found;
}

/**
 * Renames tensors: every replacement in turn, each on what the one before it made.
 *
 * @param names The names.
 * @param renamings The replacements; each must match a name.
 * @returns Old name to new, in the order of `names`.
 * @throws {TinygraftError} with `no-match` when a pattern matches no name, `name-collision` when
 * two tensors would get one name, `invalid-tensor-name` when one would lose its name.
 *
 * @example Drop a prefix
 * ```ts
 * import { renameTensors } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const renamed = renameTensors(["bert.w"], [{ pattern: /^bert\./g, replacement: "" }]);
 * assertEquals([...renamed], [["bert.w", "w"]]);
 * ```
 */
export function renameTensors(
  names: Iterable<string>,
  renamings: readonly Renaming[],
): Map<string, string> {
  const renamed = new Map([...names].map((name) => [name, name]));
  for (const { pattern, replacement } of renamings) {
    let hasMatch = false;
    for (const [name, current] of renamed) {
      if (current.search(pattern) === -1) continue;
      hasMatch = true;
      renamed.set(name, current.replace(pattern, replacement));
    }
    if (!hasMatch) throw noMatch("--rename", pattern.source);
  }
  checkDistinct(renamed);
  return renamed;
}

function checkDistinct(renamed: ReadonlyMap<string, string>): void {
  const owners = new Map<string, string>();
  for (const [name, target] of renamed) {
    if (target === "" && name !== "") {
      throw new TinygraftError(
        `Cannot rename tensor ${quote(name)}: nothing is left of its name, expected some: ` +
          "change the replacement",
        { code: "invalid-tensor-name", tensor: name },
      );
    }
    const other = owners.get(target);
    if (other !== undefined) {
      throw new TinygraftError(
        `Cannot rename tensor ${quote(name)} to ${quote(target)}: ${quote(other)} has that name ` +
          "too, expected different ones: change the pattern, or leave one of them out",
        { code: "name-collision", tensor: name },
      );
    }
    owners.set(target, name);
  }
}

function noMatch(flag: string, pattern: string): TinygraftError {
  return new TinygraftError(
    `Cannot use ${flag} ${quote(pattern)}: no tensor's name matches, expected one at least: ` +
      "compare it with what inspect lists",
    { code: "no-match" },
  );
}
