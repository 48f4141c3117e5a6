/**
 * Command lines to checked flag values, by each command's own table of flags.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { UsageError } from "../lib/errors.ts";
import { didYouMean } from "../lib/suggest.ts";

/** One flag of a command. */
export interface Flag {
  /** Its name without the dashes. */
  readonly name: string;
  /** A one-letter alias. */
  readonly short?: string;
  /** What its value is; a `boolean` takes none, `strings` may be given several times. */
  readonly kind: "boolean" | "string" | "strings" | "integer" | "number";
  /** Name of the value in help, such as `DIR`. */
  readonly value?: string;
  /** The only values it takes. */
  readonly choices?: readonly string[];
  /** Values that shells offer, where others are taken as well. */
  readonly suggests?: readonly string[];
  /** What holds when it is not given, as shown in help and as used. */
  readonly default?: string | number;
  /** The least value of a number. */
  readonly min?: number;
  /** The largest value of a number. */
  readonly max?: number;
  /** One line of help. */
  readonly help: string;
}

/** One positional argument of a command. */
export interface Positional {
  /** Its name in help, such as `BASE`. */
  readonly name: string;
  /** One line of help. */
  readonly help: string;
  /** The only values it takes. */
  readonly choices?: readonly string[];
  /** Whether it may be left out. */
  readonly optional?: true;
  /** Whether it may be repeated; one positional of a command at most may. */
  readonly many?: true;
}

/** Flags that every command takes. */
export const GLOBAL_FLAGS: readonly Flag[] = [
  { name: "json", kind: "boolean", help: "print exactly one JSON document on stdout" },
  { name: "quiet", short: "q", kind: "boolean", help: "no progress and no warnings on stderr" },
  { name: "no-color", kind: "boolean", help: "no colours (NO_COLOR does the same)" },
  { name: "help", short: "h", kind: "boolean", help: "show this help" },
  { name: "version", kind: "boolean", help: "show the version" },
];

/** What every command takes that writes. */
export const VERIFY_FLAG: Flag = {
  name: "verify",
  kind: "boolean",
  help: "compare what is read back by SHA-256 (else by CRC-32, much quicker)",
};

/** Flags of every command that writes. */
export const WRITING_FLAGS: readonly Flag[] = [
  { name: "dry-run", kind: "boolean", help: "print the plan and write nothing" },
  { name: "force", kind: "boolean", help: "replace an existing output" },
  VERIFY_FLAG,
];

/** What the arguments of a command are checked against. */
interface Declared {
  readonly name: string;
  readonly flags: readonly Flag[];
  readonly positionals: readonly Positional[];
}

/** The checked value of one flag; `undefined` when absent and without a default. */
export type FlagValue = boolean | string | number | readonly string[] | undefined;

/** The flags of one call, checked against the command's table. */
export class FlagValues {
  readonly #values: ReadonlyMap<string, FlagValue>;
  readonly #given: ReadonlySet<string>;

  /**
   * Creates the view.
   *
   * @param values One entry for each flag the command declares.
   * @param given Flags that stood on the command line.
   */
  constructor(values: ReadonlyMap<string, FlagValue>, given: ReadonlySet<string>) {
    this.#values = values;
    this.#given = given;
  }

  /** Whether the flag stood on the command line. */
  given(name: string): boolean {
    return this.#given.has(name);
  }

  /** Whether a boolean flag was given. */
  boolean(name: string): boolean {
    return this.#get(name) === true;
  }

  /** The value of a string flag. */
  string(name: string): string | undefined {
    return this.#get(name) as string | undefined;
  }

  /** The value of a flag that has a default or was given. */
  required(name: string): string {
    const value = this.string(name);
    if (value === undefined) throw new UsageError(`Missing --${name}: it is needed here`);
    return value;
  }

  /** The value of a number or integer flag. */
  number(name: string): number | undefined {
    return this.#get(name) as number | undefined;
  }

  /** The values of a flag that may be repeated. */
  strings(name: string): readonly string[] {
    return (this.#get(name) ?? []) as readonly string[];
  }

  /** Whether the flag was given or has a default. */
  has(name: string): boolean {
    return this.#get(name) !== undefined && this.#get(name) !== false;
  }

  #get(name: string): FlagValue {
    if (!this.#values.has(name)) throw new TypeError(`Cannot read flag "${name}": not declared`);
    return this.#values.get(name);
  }
}

/**
 * Parses and checks the arguments of one command.
 *
 * @param command Whose flags and positionals hold.
 * @param argv What follows the command's name.
 * @returns The positionals and the flags.
 * @throws {UsageError} for an unknown flag, a bad value, or a wrong number of arguments.
 */
export function parseCommandLine(
  command: Declared,
  argv: readonly string[],
): { args: readonly string[]; flags: FlagValues } {
  const flags = [...command.flags, ...GLOBAL_FLAGS];
  const parsed = parseArgs(joinNegativeNumbers(argv, flags), {
    // Positionals stay strings: "007" is a file name, not a number.
    string: ["_", ...flags.filter((flag) => flag.kind !== "boolean").map((flag) => flag.name)],
    boolean: flags.filter((flag) => flag.kind === "boolean").map((flag) => flag.name),
    // Collecting all keeps an empty value apart from an absent one, and shows repeats.
    collect: flags.filter((flag) => flag.kind !== "boolean").map((flag) => flag.name),
    alias: Object.fromEntries(
      flags.flatMap((flag) => flag.short === undefined ? [] : [[flag.name, flag.short]]),
    ),
    unknown: (arg, key) => {
      if (key === undefined) return true;
      throw unknownFlag(arg.split("=")[0]!, command.name, flags);
    },
  });
  const values = new Map(flags.map((flag) => [flag.name, checkFlag(flag, parsed[flag.name])]));
  const args = parsed._.map(String);
  if (values.get("help") !== true && values.get("version") !== true) checkCount(command, args);
  const given = flags.map((flag) => flag.name).filter((name) => wasGiven(parsed[name]));
  return { args, flags: new FlagValues(values, new Set(given)) };
}

/** `--seed -1` gives the flag a bad value, which is to be said; alone, -1 would be a flag. */
function joinNegativeNumbers(argv: readonly string[], flags: readonly Flag[]): string[] {
  const takesValue = new Set(
    flags.filter(({ kind }) => kind !== "boolean").map(({ name }) => `--${name}`),
  );
  const joined: string[] = [];
  for (const arg of argv) {
    const before = joined.at(-1);
    const isValue = before !== undefined && takesValue.has(before) && /^-[\d.]/.test(arg);
    if (isValue) joined[joined.length - 1] = `${before}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

function wasGiven(parsed: unknown): boolean {
  return Array.isArray(parsed) ? parsed.length > 0 : parsed === true;
}

function unknownFlag(given: string, command: string, flags: readonly Flag[]): UsageError {
  const names = flags.map((flag) => `--${flag.name}`);
  return new UsageError(
    `Unknown flag "${given}" of ${command}: see "tinygraft help ${command}"; arguments that begin ` +
      `with a dash go after --${didYouMean(given, names)}`,
  );
}

function checkFlag(flag: Flag, given: unknown): FlagValue {
  if (flag.kind === "boolean") return given === true;
  const values = (given ?? []) as readonly string[];
  if (values.length === 0) return flag.default;
  if (values.some((value) => value === "")) {
    throw new UsageError(`Missing value of --${flag.name}: expected ${valueName(flag)}`);
  }
  if (flag.kind === "strings") return values;
  if (values.length > 1) {
    throw new UsageError(`Repeated flag --${flag.name}: it takes one value`);
  }
  const value = values[0]!;
  if (flag.choices !== undefined && !flag.choices.includes(value)) {
    throw new UsageError(
      `Bad value "${value}" of --${flag.name}: expected one of ${flag.choices.join(", ")}`,
    );
  }
  return flag.kind === "string" ? value : parseNumber(flag, value);
}

function parseNumber(flag: Flag, text: string): number {
  const value = Number(text);
  const inRange = value >= (flag.min ?? -Infinity) && value <= (flag.max ?? Infinity);
  if (text.trim() === "" || !Number.isFinite(value) || !inRange) throw badNumber(flag, text);
  if (flag.kind === "integer" && !Number.isSafeInteger(value)) throw badNumber(flag, text);
  return value;
}

function badNumber(flag: Flag, text: string): UsageError {
  const kind = flag.kind === "integer" ? "a whole number" : "a number";
  const least = flag.min === undefined ? "" : `, at least ${flag.min}`;
  const most = flag.max === undefined ? "" : `, at most ${flag.max}`;
  return new UsageError(`Bad value "${text}" of --${flag.name}: expected ${kind}${least}${most}`);
}

/** How a flag's value is called in help and errors. */
export function valueName(flag: Flag): string {
  if (flag.value !== undefined) return flag.value;
  if (flag.choices !== undefined) return flag.choices.join("|");
  return flag.kind === "string" || flag.kind === "strings" ? "TEXT" : "N";
}

function checkCount(
  command: Declared,
  args: readonly string[],
): void {
  const missing = command.positionals.filter((positional) => !positional.optional)[args.length];
  if (missing !== undefined) {
    throw new UsageError(
      `Missing ${missing.name} of ${command.name}: ${missing.help}; ` +
        `see "tinygraft help ${command.name}"`,
    );
  }
  const endless = command.positionals.some(({ many }) => many);
  if (!endless && args.length > command.positionals.length) {
    throw new UsageError(
      `Unexpected argument "${args[command.positionals.length]}" of ${command.name}: ` +
        `it takes ${command.positionals.length}; see "tinygraft help ${command.name}"`,
    );
  }
}
