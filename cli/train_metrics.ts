/**
 * The metrics of a run as JSON Lines, written while it runs.
 *
 * @module
 */

import { checkOutput } from "../lib/checkpoint/output.ts";
import { TinygraftError } from "../lib/errors.ts";
import type { TrainEvent } from "../lib/train/options.ts";

/** A file that takes every event but those of a progress line. */
export class MetricsFile implements Disposable {
  readonly #path: string;
  #file: Deno.FsFile | undefined;

  /**
   * Checks that the file can be written; it is made when the run starts.
   *
   * @param path The file.
   * @param inputs Paths that it must not replace.
   * @param replace Whether one that is there may be replaced or continued.
   * @throws {TinygraftError} `output-exists` and the other codes of `checkOutput`.
   */
  constructor(path: string, inputs: readonly string[], replace: boolean) {
    checkOutput({ output: path, kind: "file", inputs, files: [] }, { force: replace });
    this.#path = path;
  }

  /**
   * Appends an event, or begins the file. A run that goes on from a saved state first drops what
   * the stopped run wrote after that state, as it is done again.
   *
   * @param event What happened.
   */
  write(event: TrainEvent): void {
    if (event.kind === "evaluating") return;
    try {
      if (event.kind === "start") this.#begin(event.resumedFrom);
      this.#file?.writeSync(new TextEncoder().encode(`${JSON.stringify(event)}\n`));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new TinygraftError(`Cannot write "${this.#path}": ${reason}: write elsewhere`, {
        code: "unwritable-output",
        path: this.#path,
        cause,
      });
    }
  }

  #begin(resumedFrom: number): void {
    const kept = resumedFrom > 0 ? linesUntil(this.#path, resumedFrom) : [];
    this.#file = Deno.openSync(this.#path, { write: true, create: true, truncate: true });
    this.#file.writeSync(new TextEncoder().encode(kept.map((line) => `${line}\n`).join("")));
  }

  /** Closes the file; may be called twice. */
  [Symbol.dispose](): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

/** The lines of events up to a step; none where there is no such file. */
function linesUntil(path: string, step: number): string[] {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  // The last line of a killed run may be cut short.
  return text.split("\n").slice(0, -1).filter((line) => {
    try {
      const event = JSON.parse(line) as { kind?: unknown; step?: unknown };
      return event.kind === "start" || (typeof event.step === "number" && event.step <= step);
    } catch {
      return false;
    }
  });
}
