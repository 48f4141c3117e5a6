/**
 * What a command may touch: two output streams, the environment and a signal. Tests hand in their
 * own; only `main.ts` knows the process.
 *
 * @module
 */

/** The outside world as a command sees it. */
export interface Io {
  /** Writes one line, or several, of results to stdout. */
  out(text: string): void;
  /** Writes one line, or several, of everything else to stderr. */
  err(text: string): void;
  /** Rewrites the last line of stderr; called only where `terminal` is true. */
  status(text: string): void;
  /** Whether stderr is a terminal. */
  readonly terminal: boolean;
  /** Whether stdout takes colours. */
  readonly color: boolean;
  /** Aborted on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Readies the process for a graphics driver; to be called before a device is opened. */
  prepareDevice(): void;
  /** Reads an environment variable; an empty one counts as absent. */
  env(name: string): string | undefined;
}
