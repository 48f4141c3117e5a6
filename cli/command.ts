/**
 * What a subcommand is: its flags, arguments and examples as data, from which parsing, help and
 * completions derive, and one function.
 *
 * @module
 */

import type { Flag, FlagValues, Positional } from "./flags.ts";
import type { Io } from "./io.ts";
import type { Progress } from "./progress.ts";

/** One worked example, shown in help. */
export interface Example {
  /** What it does. */
  readonly does: string;
  /** The command line. */
  readonly line: string;
}

/** The headings under which `--help` lists commands. */
export const GROUPS = ["Look", "Surgery", "Train", "Merge and check", "Hub", "Tool"] as const;

/** What a command is called with. */
export interface Invocation {
  /** Positional arguments, as many as the command declares. */
  readonly args: readonly string[];
  /** Flags, checked and with their defaults. */
  readonly flags: FlagValues;
  /** The outside world. */
  readonly io: Io;
  /** Whether results go out as one JSON document. */
  readonly json: boolean;
  /** Reports long work; silent on `--quiet`. */
  readonly progress: Progress;
  /** Writes a warning to stderr, unless `--quiet`. */
  warn(message: string): void;
  /** Prints the result: the document with `--json`, else the text. */
  print(document: unknown, text: () => string): void;
}

/** One subcommand. */
export interface Command {
  /** What the user types. */
  readonly name: string;
  /** Its heading in `--help`. */
  readonly group: (typeof GROUPS)[number];
  /** One line for `--help`. */
  readonly summary: string;
  /** A paragraph or two for `help COMMAND`. */
  readonly description: string;
  /** Positional arguments in order. */
  readonly positionals: readonly Positional[];
  /** Flags beside the global ones. */
  readonly flags: readonly Flag[];
  /** Two examples or more. */
  readonly examples: readonly Example[];
  /** Runs it: 0 done or passed, 1 a check failed. Errors are thrown. */
  run(invocation: Invocation): Promise<number>;
}
