/**
 * Completions for bash, of version 3.2 on.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { flagsAfter, type Offer, offerOfFlag, offerOfPositional } from "./completion_values.ts";
import { GLOBAL_FLAGS } from "./flags.ts";

/** Stands for paths and for nothing among words. */
const MARKS = { files: "@files", nothing: "@nothing" } as const;

/**
 * Makes the script for bash.
 *
 * @param commands What is completed.
 * @returns Functions and a call of `complete`.
 */
export function bashCompletions(commands: readonly Command[]): string {
  const names = [...commands.map(({ name }) => name), "help"].join(" ");
  return `# Completions of tinygraft for bash, made by: tinygraft completions bash
_tinygraft_flags() {
  case "$1" in
${commands.map(flagCase).join("\n")}
    *) echo "${GLOBAL_FLAGS.map(({ name }) => `--${name}`).join(" ")}" ;;
  esac
}

# The words that may follow a flag of a command, or be its arguments.
_tinygraft_words() {
  case "$1 $2" in
${commands.flatMap(valueCases).join("\n")}
    "help argument") echo "${names}" ;;
    " argument") echo "${names}" ;;
  esac
}

_tinygraft() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" name="" words i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "\${COMP_WORDS[i]}" in -*) ;; *) name="\${COMP_WORDS[i]}"; break ;; esac
  done
  # Bash takes the "=" of --flag=value for a word of its own.
  if [ "$word" = "=" ]; then word=""
  elif [ "$before" = "=" ]; then before="\${COMP_WORDS[COMP_CWORD-2]}"
  fi
  COMPREPLY=()
  case "$before" in -*) words="$(_tinygraft_words "$name" "$before")" ;; esac
  if [ -z "$words" ]; then
    case "$word" in
      -*) words="$(_tinygraft_flags "$name")" ;;
      *) words="$(_tinygraft_words "$name" argument)" ;;
    esac
  fi
  case "$words" in
    ${MARKS.nothing}) ;;
    ${MARKS.files})
      # One path a line, as paths may hold spaces; bash quotes them and marks folders.
      local IFS=$'\\n'
      compopt -o filenames 2>/dev/null
      COMPREPLY=($(compgen -f -- "$word"))
      ;;
    *) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
  esac
}
complete -F _tinygraft tinygraft`;
}

function flagCase(command: Command): string {
  const names = flagsAfter(command).map(({ name }) => `--${name}`).join(" ");
  return `    ${command.name}) echo "${names}" ;;`;
}

/** One case for the flags that are offered the same. */
function valueCases(command: Command): string[] {
  const flagsByWords = new Map<string, string[]>();
  const add = (words: string, pattern: string) =>
    flagsByWords.set(words, [...flagsByWords.get(words) ?? [], `"${command.name} ${pattern}"`]);
  for (const flag of flagsAfter(command)) {
    const offer = offerOfFlag(flag);
    if (offer === undefined) continue;
    add(wordsOf(offer), `--${flag.name}`);
    if (flag.short !== undefined) add(wordsOf(offer), `-${flag.short}`);
  }
  add(wordsOf(argumentOffer(command)), "argument");
  return [...flagsByWords].map(([words, patterns]) =>
    `    ${patterns.join(" | ")}) echo "${words}" ;;`
  );
}

/** Arguments are not counted: paths are offered where any of them is one. */
function argumentOffer({ positionals }: Command): Offer {
  const offers = positionals.map(offerOfPositional);
  return offers.find((offer) => offer !== "nothing") ?? "nothing";
}

function wordsOf(offer: Offer): string {
  return typeof offer === "string" ? MARKS[offer] : offer.join(" ");
}
