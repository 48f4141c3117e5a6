/**
 * What shells offer for a flag's value or for an argument.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { type Flag, GLOBAL_FLAGS, type Positional } from "./flags.ts";

/** Words to choose from, paths of this machine, or nothing that could be told beforehand. */
export type Offer = readonly string[] | "files" | "nothing";

/** How values that are paths are called in help; `hf://` and numbers are not among them. */
const PATHS = /^(?:LOC|A|B|IN|OUT|BASE|CHECKPOINT|ADAPTER|DIR|FILE|F)(?:\..+)?$/;

/**
 * Says what to offer for a flag's value.
 *
 * @param flag The flag.
 * @returns The offer; `undefined` for a flag that takes no value.
 */
export function offerOfFlag(flag: Flag): Offer | undefined {
  if (flag.kind === "boolean") return undefined;
  return flag.choices ?? flag.suggests ?? byName(flag.value ?? "");
}

/**
 * Says what to offer for an argument.
 *
 * @param positional The argument.
 * @returns The offer.
 */
export function offerOfPositional(positional: Positional): Offer {
  return positional.choices ?? byName(positional.name);
}

/**
 * Lists the flags that may follow a command.
 *
 * @param command The command.
 * @returns Its own, then those of every command.
 */
export function flagsAfter(command: Command): readonly Flag[] {
  return [...command.flags, ...GLOBAL_FLAGS];
}

/**
 * Puts a text between single quotes, as all three shells read it.
 *
 * @param text Any text of one line.
 * @param escaped How the shell writes a single quote within a quoted text.
 * @returns The quoted text.
 */
export function singleQuoted(text: string, escaped: string): string {
  return `'${text.replaceAll("'", escaped)}'`;
}

function byName(name: string): Offer {
  return PATHS.test(name) ? "files" : "nothing";
}
