/**
 * What commands with `--report` share: the flag, the command line to repeat, the environment.
 *
 * @module
 */

import { VERSION } from "../lib/version.ts";
import type { Command, Invocation } from "./command.ts";
import type { Flag } from "./flags.ts";

/** The flag of commands that write a report. */
export const REPORT_FLAG: Flag = {
  name: "report",
  kind: "string",
  value: "FILE.html",
  help: "write a report as one HTML page that needs no network",
};

/**
 * Writes a call as the command line that a shell would take, with the flags that were given.
 *
 * @param command The command, whose flags are known.
 * @param invocation The call.
 * @returns One line, without flags that every command takes.
 */
export function commandLine(
  { name, flags: declared }: Pick<Command, "name" | "flags">,
  { args, flags }: Pick<Invocation, "args" | "flags">,
): string {
  const given = declared.filter((flag) => flags.given(flag.name));
  const words = given.flatMap(({ name, kind }) => {
    if (kind === "boolean") return [`--${name}`];
    const isNumber = kind === "integer" || kind === "number";
    const values = kind === "strings"
      ? flags.strings(name)
      : [isNumber ? String(flags.number(name)) : flags.required(name)];
    return values.flatMap((value) =>
      value.startsWith("-") ? [`--${name}=${value}`] : [`--${name}`, value]
    );
  });
  const separator = args.some((arg) => arg.startsWith("-")) ? ["--"] : [];
  return ["tinygraft", name, ...words, ...separator, ...args].map(shellWord).join(" ");
}

/** A word as a POSIX shell reads it back. */
function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * Names what a report's numbers depend on beside its inputs.
 *
 * @param device The device and its own name, where one was used.
 * @returns Names with values.
 */
export function reportEnvironment(
  device?: { readonly name: string; readonly description: string },
): [name: string, value: string][] {
  const { os, arch } = Deno.build;
  return [
    ["tinygraft", VERSION],
    ["Deno", Deno.version.deno],
    ["system", `${os} ${arch}`],
    ...(device === undefined
      ? []
      : [["device", `${device.name} (${device.description})`] as [string, string]]),
  ];
}
