/**
 * Shell completions, derived from the commands' tables.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { bashCompletions } from "./completions_bash.ts";
import { fishCompletions } from "./completions_fish.ts";
import { zshCompletions } from "./completions_zsh.ts";

/** The shells that completions are made for. */
export const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell that completions are made for. */
export type Shell = (typeof SHELLS)[number];

/**
 * Makes a completion script.
 *
 * @param shell For which shell.
 * @param commands What is completed.
 * @returns The script, to be sourced or saved where the shell looks.
 */
export function completions(shell: Shell, commands: readonly Command[]): string {
  if (shell === "bash") return bashCompletions(commands);
  if (shell === "zsh") return zshCompletions(commands);
  return fishCompletions(commands);
}
