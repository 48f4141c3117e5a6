/**
 * Dispatch: arguments to one command, errors to messages and exit codes.
 *
 * @module
 */

import { InterruptedError, TinygraftError, UsageError } from "../lib/errors.ts";
import { didYouMean } from "../lib/suggest.ts";
import { VERSION } from "../lib/version.ts";
import type { Command } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { GLOBAL_FLAGS, parseCommandLine } from "./flags.ts";
import { printable } from "./format.ts";
import { commandHelp, programHelp } from "./help.ts";
import type { Io } from "./io.ts";
import { Progress } from "./progress.ts";

/** Done, or the check passed. */
export const EXIT_DONE = 0;
/** A check failed, or the work could not be done. */
export const EXIT_FAILED = 1;
/** Called wrongly; nothing was done. */
export const EXIT_USAGE = 2;
/** Interrupted by the user. */
export const EXIT_INTERRUPTED = 130;

/**
 * Runs one command line.
 *
 * @param argv Arguments without the program's name.
 * @param io The outside world.
 * @returns The exit code; never throws.
 */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  const json = argv.includes("--json");
  try {
    return await dispatch(argv, io);
  } catch (error) {
    return report(error, io, json);
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = commandFirst(argv);
  const asJson = rest.includes("--json");
  if (name === undefined) {
    throw new UsageError(`Missing command\n\n${programHelp(COMMANDS)}`);
  }
  if (name === "--version") return print(io, asJson, { version: VERSION }, VERSION);
  if (name === "--help" || name === "-h") return printHelp(io, asJson, programHelp(COMMANDS));
  if (name === "help") return help(rest, io);
  const command = findCommand(name);
  const { args, flags } = parseCommandLine(command, rest);
  if (flags.boolean("help")) return printHelp(io, asJson, commandHelp(command));
  if (flags.boolean("version")) return print(io, asJson, { version: VERSION }, VERSION);
  const quiet = flags.boolean("quiet");
  const json = flags.boolean("json");
  const progress = new Progress(io, quiet);
  try {
    return await command.run({
      args,
      flags,
      io,
      json,
      progress,
      warn: (message) => quiet || io.err(`Warning: ${message}`),
      print: (document, text) => io.out(json ? toJson(document) : text()),
    });
  } finally {
    progress.end();
  }
}

/** Integers beyond 2^53 are printed with all their digits, which JSON allows. */
function toJson(document: unknown): string {
  // ECMAScript has it since 2025, TypeScript's declarations have not yet.
  const json = JSON as JSON & { rawJSON(text: string): unknown };
  const exact = (_key: string, value: unknown) =>
    typeof value === "bigint" ? json.rawJSON(`${value}`) : value;
  return JSON.stringify(document, exact, 2);
}

/** What `help` takes, which is no command of the table. */
const HELP = {
  name: "help",
  flags: [],
  positionals: [{ name: "COMMAND", help: "the command to explain", optional: true }],
} as const;

/** Flags of every command may stand before it too: `tinygraft --json inspect base`. */
function commandFirst(argv: readonly string[]): readonly string[] {
  const global = GLOBAL_FLAGS.flatMap(({ name, short }) => [`--${name}`, `-${short}`]);
  const command = argv.findIndex((arg) => !global.includes(arg));
  if (command > 0) return [argv[command]!, ...argv.slice(0, command), ...argv.slice(command + 1)];
  const only = argv.findIndex((arg) => ["--help", "-h", "--version"].includes(arg));
  return only > 0 && command < 0 ? [argv[only]!, ...argv.toSpliced(only, 1)] : argv;
}

function print(io: Io, json: boolean, document: unknown, text: string): number {
  io.out(json ? toJson(document) : text);
  return EXIT_DONE;
}

function printHelp(io: Io, json: boolean, help: string): number {
  return print(io, json, { help }, help);
}

function help(args: readonly string[], io: Io): number {
  const { args: [name], flags } = parseCommandLine(HELP, args);
  const json = flags.boolean("json");
  if (name === undefined || name === HELP.name) {
    return printHelp(io, json, programHelp(COMMANDS));
  }
  return printHelp(io, json, commandHelp(findCommand(name)));
}

function findCommand(name: string): Command {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command !== undefined) return command;
  const names = COMMANDS.map((candidate) => candidate.name);
  if (name.startsWith("-")) {
    throw new UsageError(`Unknown flag "${name}": a command comes first, see "tinygraft --help"`);
  }
  throw new UsageError(
    `Unknown command "${name}": see "tinygraft --help"${didYouMean(name, names)}`,
  );
}

function report(error: unknown, io: Io, json: boolean): number {
  const known = asKnown(error, io);
  if (json) {
    const { code, message, path, tensor } = known;
    // JSON.stringify leaves out what is undefined.
    io.out(JSON.stringify({ error: { code, message, path, tensor } }, null, 2));
  }
  const label = known instanceof InterruptedError ? "" : "Error: ";
  io.err(`${label}${known.message.split("\n").map(printable).join("\n")}`);
  if (io.env("TINYGRAFT_DEBUG") === "1") io.err(debugText(error));
  if (known instanceof InterruptedError) return EXIT_INTERRUPTED;
  return known instanceof UsageError ? EXIT_USAGE : EXIT_FAILED;
}

function asKnown(error: unknown, io: Io): TinygraftError {
  if (io.signal.aborted) return new InterruptedError();
  if (error instanceof TinygraftError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new TinygraftError(
    `Unexpected error, most likely a defect: ${message}; set TINYGRAFT_DEBUG=1 for the stack`,
    { code: "internal", cause: error },
  );
}

function debugText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `\nCaused by ${debugText(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}
