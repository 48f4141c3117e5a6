/**
 * Progress of long work on stderr: one line that rewrites itself on a terminal, a line every ten
 * seconds elsewhere, nothing on `--quiet`.
 *
 * @module
 */

import type { Io } from "./io.ts";
import { formatBytes, formatSeconds } from "./format.ts";

const TERMINAL_INTERVAL_MS = 100;
const LOG_INTERVAL_MS = 10_000;

/** Reports how far some work has come, its rate and the time left. */
export class Progress {
  readonly #io: Io;
  readonly #quiet: boolean;
  readonly #now: () => number;
  #started = 0;
  #last = 0;
  #label: string | undefined;
  #shown = false;

  /**
   * Creates the reporter.
   *
   * @param io Where it writes.
   * @param quiet Whether it stays silent.
   * @param now The clock, in milliseconds; tests hand in their own.
   */
  constructor(io: Io, quiet: boolean, now: () => number = () => performance.now()) {
    this.#io = io;
    this.#quiet = quiet;
    this.#now = now;
  }

  /**
   * Reports a state.
   *
   * @param done Units done.
   * @param total Units in all.
   * @param label What is being done; a new label starts a new clock.
   * @param unit `bytes`, or the name of what is counted, such as `rows`.
   */
  update(done: number, total: number, label: string, unit: string): void {
    this.show(label, (seconds) => describe(label, done, total, unit, seconds));
  }

  /**
   * Reports a state in words of its own.
   *
   * @param label What is being done; a new label starts a new clock.
   * @param describe Makes the line from the seconds since then; called only for a line that is due.
   */
  show(label: string, describe: (seconds: number) => string): void {
    if (this.#quiet) return;
    const now = this.#now();
    if (label !== this.#label) [this.#label, this.#started, this.#last] = [label, now, now];
    const interval = this.#io.terminal ? TERMINAL_INTERVAL_MS : LOG_INTERVAL_MS;
    if (now - this.#last < interval) return;
    this.#last = now;
    const text = describe((now - this.#started) / 1000);
    if (this.#io.terminal) this.#io.status(text);
    else this.#io.err(text);
    this.#shown = true;
  }

  /**
   * Writes a line that stays, such as what a stage of the work came to.
   *
   * @param text The line.
   */
  note(text: string): void {
    if (this.#quiet) return;
    if (this.#shown && this.#io.terminal) this.#io.status("");
    this.#shown = false;
    this.#io.err(text);
  }

  /** Clears the line, so that results begin on an empty one. */
  end(): void {
    if (this.#shown && this.#io.terminal) this.#io.status("");
    this.#shown = false;
    this.#label = undefined;
  }
}

function describe(
  label: string,
  done: number,
  total: number,
  unit: string,
  seconds: number,
): string {
  const amount = (value: number) => unit === "bytes" ? formatBytes(value) : `${Math.round(value)}`;
  const rate = seconds > 0 ? done / seconds : 0;
  const left = rate > 0 ? formatSeconds((total - done) / rate) : "?";
  const suffix = unit === "bytes" ? "" : ` ${unit}`;
  const speed = unit === "bytes" ? `${formatBytes(rate)}/s` : `${rate.toFixed(1)} ${unit}/s`;
  return `${label}: ${amount(done)} of ${amount(total)}${suffix}, ${speed}, ${left} left`;
}
