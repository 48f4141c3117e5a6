/**
 * Completions for fish.
 *
 * @module
 */

import type { Command } from "./command.ts";
import { type Offer, offerOfFlag, offerOfPositional, singleQuoted } from "./completion_values.ts";
import { type Flag, GLOBAL_FLAGS } from "./flags.ts";

/**
 * Makes the script for fish.
 *
 * @param commands What is completed.
 * @returns A function and calls of `complete`.
 */
export function fishCompletions(commands: readonly Command[]): string {
  const names = commands.map(({ name }) => name);
  return `# Completions of tinygraft for fish, made by: tinygraft completions fish
# Whether the command is the given one; without one, whether there is none yet. An argument that
# is called like a command does not count.
function __tinygraft_command
  for word in (commandline -opc)[2..-1]
    string match -q -- '-*' $word; and continue
    test "$word" = "$argv[1]"
    return
  end
  test -z "$argv[1]"
end

complete -c tinygraft -n __tinygraft_command -f
${commands.map(({ name, summary }) => nameLine(name, summary)).join("\n")}
${nameLine("help", "show the help of a command")}
complete -c tinygraft -n '__tinygraft_command help' -f -a ${quoted(names.join(" "))}
${GLOBAL_FLAGS.map((flag) => flagLine(flag)).join("\n")}
${commands.flatMap(commandLines).join("\n")}`;
}

function nameLine(name: string, summary: string): string {
  return `complete -c tinygraft -n __tinygraft_command -a ${name} -d ${quoted(summary)}`;
}

function commandLines(command: Command): string[] {
  const offers = command.positionals.map(offerOfPositional);
  const words = offers.find((offer) => typeof offer !== "string") as readonly string[] | undefined;
  const condition = `complete -c tinygraft -n '__tinygraft_command ${command.name}'`;
  const lines = command.flags.map((flag) => flagLine(flag, command.name));
  if (words !== undefined) lines.push(`${condition} -f -a ${quoted(words.join(" "))}`);
  // Else fish offers files wherever it knows nothing better.
  else if (!offers.includes("files")) lines.push(`${condition} -f`);
  return lines;
}

function flagLine(flag: Flag, command?: string): string {
  const condition = command === undefined ? "" : ` -n '__tinygraft_command ${command}'`;
  const short = flag.short === undefined ? "" : ` -s ${flag.short}`;
  const value = valueOf(offerOfFlag(flag));
  return `complete -c tinygraft${condition} -l ${flag.name}${short}${value} -d ${
    quoted(flag.help)
  }`;
}

function valueOf(offer: Offer | undefined): string {
  if (offer === undefined) return "";
  if (offer === "files") return " -r -F";
  return offer === "nothing" ? " -x" : ` -x -a ${quoted(offer.join(" "))}`;
}

function quoted(text: string): string {
  return singleQuoted(text.replaceAll("\\", "\\\\"), "\\'");
}
