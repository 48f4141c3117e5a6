/**
 * Completions for zsh.
 *
 * @module
 */

import type { Command } from "./command.ts";
import {
  flagsAfter,
  type Offer,
  offerOfFlag,
  offerOfPositional,
  singleQuoted,
} from "./completion_values.ts";
import { type Flag, GLOBAL_FLAGS, type Positional, valueName } from "./flags.ts";

/**
 * Makes the script for zsh.
 *
 * @param commands What is completed.
 * @returns A function that is completed by itself when autoloaded, and registered when sourced.
 */
export function zshCompletions(commands: readonly Command[]): string {
  const names = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  return `#compdef tinygraft
# Completions of tinygraft for zsh, made by: tinygraft completions zsh
_tinygraft() {
  local curcontext="$curcontext" state line
  local -a commands=(
${names.join("\n")}
    'help:show the help of a command'
  )
  _arguments -C ${GLOBAL_FLAGS.map(flagSpec).join(" ")} \\
    '1:command:->command' '*::argument:->argument'
  case "$state" in
    command) _describe -t commands command commands ;;
    argument)
      case "$words[1]" in
        help) _describe -t commands command commands ;;
${commands.map(commandCase).join("\n")}
      esac
      ;;
  esac
}
if [ "$funcstack[1]" = "_tinygraft" ]; then _tinygraft "$@"; else compdef _tinygraft tinygraft; fi`;
}

function commandCase(command: Command): string {
  const specs = [
    ...flagsAfter(command).map(flagSpec),
    ...command.positionals.map(positionalSpec),
  ];
  const lines = specs.map((spec) => `            ${spec}`).join(" \\\n");
  return `        ${command.name})\n          _arguments \\\n${lines}\n          ;;`;
}

function flagSpec(flag: Flag): string {
  const offer = offerOfFlag(flag);
  const repeated = flag.kind === "strings" ? "*" : "";
  const help = `[${escaped(flag.help)}]`;
  const value = offer === undefined ? "" : `:${escaped(valueName(flag))}:${actionOf(offer)}`;
  // With "=" a value may follow in the same word or in the next.
  const long = `${repeated}--${flag.name}${offer === undefined ? "" : "="}${help}${value}`;
  if (flag.short === undefined) return quoted(long);
  return `${quoted(long)} ${quoted(`${repeated}-${flag.short}${help}${value}`)}`;
}

/** An argument that may be repeated takes the place of all that follow it. */
function positionalSpec(positional: Positional, index: number): string {
  const { name, optional, many } = positional;
  const place = many ? "*:" : `${index + 1}${optional ? "::" : ":"}`;
  return quoted(`${place}${escaped(name)}:${actionOf(offerOfPositional(positional))}`);
}

function actionOf(offer: Offer): string {
  if (offer === "files") return "_files";
  return offer === "nothing" ? " " : `(${offer.join(" ")})`;
}

/** Brackets and colons have a meaning in specifications. */
function escaped(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}

function quoted(text: string): string {
  return singleQuoted(text, "'\\''");
}
