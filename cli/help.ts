/**
 * Help texts, derived from the commands' tables.
 *
 * @module
 */

import { type Command, GROUPS } from "./command.ts";
import { type Flag, GLOBAL_FLAGS, valueName } from "./flags.ts";
import { formatTable } from "./format.ts";

const LOCATION_NOTE =
  "A location is a safetensors file or a folder with a single or sharded checkpoint.";
const EXIT_NOTE = "Exit codes: 0 done or passed, 1 failed, 2 called wrongly, 130 interrupted.";

/** The help of the whole program. */
export function programHelp(commands: readonly Command[]): string {
  const sections = GROUPS.map((group) => {
    const rows = commands.filter((command) => command.group === group)
      .map((command) => [`  ${command.name}`, command.summary]);
    return rows.length === 0 ? [] : [`${group}:`, ...indentTable(rows), ""];
  });
  return [
    "tinygraft: checkpoint surgery for tiny-attention adapters",
    "",
    "Usage: tinygraft COMMAND [ARGUMENTS] [FLAGS]",
    "",
    ...sections.flat(),
    "Flags of every command:",
    ...flagLines(GLOBAL_FLAGS),
    "",
    `${LOCATION_NOTE}`,
    `${EXIT_NOTE}`,
    'See "tinygraft help COMMAND" for arguments, flags and examples.',
  ].join("\n");
}

/** The help of one command: synopsis, arguments, flags with defaults, examples. */
export function commandHelp(command: Command): string {
  const positionals = command.positionals.map(synopsisOf).join(" ");
  const lines = [
    `tinygraft ${command.name}: ${command.summary}`,
    "",
    `Usage: tinygraft ${command.name} ${positionals} [FLAGS]`.replace("  ", " "),
    "",
    command.description,
    "",
  ];
  if (command.positionals.length > 0) {
    const rows = command.positionals.map(({ name, help }) => [`  ${name}`, help]);
    lines.push("Arguments:", ...indentTable(rows), "");
  }
  if (command.flags.length > 0) lines.push("Flags:", ...flagLines(command.flags), "");
  lines.push("Flags of every command:", ...flagLines(GLOBAL_FLAGS), "", "Examples:");
  for (const { does, line } of command.examples) lines.push(`  # ${does}`, `  ${line}`);
  return lines.join("\n");
}

/** A positional argument as the usage line shows it. */
export function synopsisOf({ name, optional, many }: Command["positionals"][number]): string {
  const repeated = many ? `${name}...` : name;
  return optional ? `[${repeated}]` : repeated;
}

function flagLines(flags: readonly Flag[]): string[] {
  return indentTable(flags.map((flag) => {
    const short = flag.short === undefined ? "    " : `-${flag.short}, `;
    const value = flag.kind === "boolean" ? "" : ` ${valueName(flag)}`;
    const fallback = flag.default === undefined ? "" : ` (default: ${flag.default})`;
    return [`  ${short}--${flag.name}${value}`, `${flag.help}${fallback}`];
  }));
}

function indentTable(rows: readonly (readonly string[])[]): string[] {
  return formatTable(["", ""], rows).split("\n").slice(1);
}
