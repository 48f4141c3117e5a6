/**
 * Shell completions, derived from the commands' tables.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { GLOBAL_FLAGS } from "./flags.ts";

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
  if (shell === "bash") return bash(commands);
  if (shell === "zsh") return zsh(commands);
  return fish(commands);
}

function flagNames(command: Command): string {
  return [...command.flags, ...GLOBAL_FLAGS].map((flag) => `--${flag.name}`).join(" ");
}

function bash(commands: readonly Command[]): string {
  const names = ["help", ...commands.map((command) => command.name)].join(" ");
  const cases = commands.map((command) =>
    `    ${command.name}) COMPREPLY=($(compgen -W "${flagNames(command)}" -- "$word")) ;;`
  );
  return [
    "_tinygraft() {",
    '  local word="${COMP_WORDS[COMP_CWORD]}"',
    '  if [ "$COMP_CWORD" -eq 1 ]; then',
    `    COMPREPLY=($(compgen -W "${names}" -- "$word")); return`,
    "  fi",
    '  case "$word" in -*) ;; *) COMPREPLY=(); return ;; esac',
    '  case "${COMP_WORDS[1]}" in',
    ...cases,
    "  esac",
    "}",
    "complete -o default -F _tinygraft tinygraft",
  ].join("\n");
}

function zsh(commands: readonly Command[]): string {
  const names = commands.map((command) => `    '${command.name}:${quote(command.summary)}'`);
  const cases = commands.map((command) => {
    const flags = [...command.flags, ...GLOBAL_FLAGS]
      .map((flag) => `'--${flag.name}[${quote(flag.help)}]'`).join(" ");
    return `    ${command.name}) _arguments ${flags} '*:file:_files' ;;`;
  });
  return [
    "#compdef tinygraft",
    "_tinygraft() {",
    "  local -a commands=(",
    ...names,
    "  )",
    "  if (( CURRENT == 2 )); then _describe command commands; return; fi",
    '  case "${words[2]}" in',
    ...cases,
    "  esac",
    "}",
    "compdef _tinygraft tinygraft",
  ].join("\n");
}

function fish(commands: readonly Command[]): string {
  const lines = commands.flatMap((command) => [
    `complete -c tinygraft -n __fish_use_subcommand -f -a ${command.name} ` +
    `-d '${quote(command.summary)}'`,
    ...[...command.flags, ...GLOBAL_FLAGS].map((flag) =>
      `complete -c tinygraft -n '__fish_seen_subcommand_from ${command.name}' ` +
      `-l ${flag.name} -d '${quote(flag.help)}'`
    ),
  ]);
  return lines.join("\n");
}

function quote(text: string): string {
  // Brackets and colons have a meaning in zsh's descriptions, quotes in all three.
  return text.replace(/['[\]:]/g, " ");
}
