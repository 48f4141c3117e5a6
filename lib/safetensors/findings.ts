/**
 * Collects what is wrong with one file.
 *
 * @module
 */

import { type ErrorCode, SafetensorsError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import type { Finding, WarningCode } from "./header.ts";

/** A finding that makes the file unreadable. */
export interface Fault extends Finding {
  /** The stable reason. */
  readonly code: ErrorCode;
}

/**
 * The most faults and the most warnings that are listed for one file. A hostile header can hold a
 * million; one closing entry counts the rest.
 */
export const MAX_FINDINGS = 1000;

/** The faults and warnings of one file, in the order in which the rules find them. */
export class Findings {
  readonly #subject: string;
  readonly #faults: Fault[] = [];
  readonly #warnings: Finding[] = [];
  #faultCount = 0;
  #warningCount = 0;

  /**
   * Creates an empty collection.
   *
   * @param path The file, for the messages.
   */
  constructor(path: string | undefined) {
    this.#subject = path === undefined ? "safetensors data" : quote(path);
  }

  /** Whether there is a fault. */
  get isFaulty(): boolean {
    return this.#faultCount > 0;
  }

  /** The faults, at most {@linkcode MAX_FINDINGS} and one that counts the rest. */
  get faults(): Fault[] {
    return withRest(this.#faults, this.#faultCount, "faults");
  }

  /** The warnings, at most {@linkcode MAX_FINDINGS} and one that counts the rest. */
  get warnings(): Finding[] {
    return withRest(this.#warnings, this.#warningCount, "warnings");
  }

  /** Adds a fault; the message goes on after "Cannot read … : ". */
  fault(code: ErrorCode, message: string, tensor?: string): void {
    if (++this.#faultCount <= MAX_FINDINGS) this.#faults.push(this.#finding(code, message, tensor));
  }

  /** Adds a warning. */
  warn(code: WarningCode, message: string, tensor?: string): void {
    if (++this.#warningCount > MAX_FINDINGS) return;
    this.#warnings.push({ code, message, ...(tensor === undefined ? {} : { tensor }) });
  }

  /** Puts what the file seems to be instead before the first fault's own message. */
  explain(hint: string): void {
    const [first] = this.#faults;
    if (!first) return;
    const subject = `${this.#subject}: `;
    const message = first.message.replace(subject, () => `${subject}${hint}; `);
    this.#faults[0] = { ...first, message };
  }

  /** Makes an error of the first fault, of which there must be one. */
  toError(path: string | undefined): SafetensorsError {
    const { message, code, tensor } = this.#faults[0]!;
    return new SafetensorsError(message, { code, path, tensor });
  }

  #finding(code: ErrorCode, message: string, tensor: string | undefined): Fault {
    const what = tensor === undefined ? "" : `tensor ${quote(tensor)} of `;
    const fault = { code, message: `Cannot read ${what}${this.#subject}: ${message}` };
    return tensor === undefined ? fault : { ...fault, tensor };
  }
}

function withRest<T extends Finding>(findings: readonly T[], count: number, what: string): T[] {
  const last = findings.at(-1);
  const rest = count - findings.length;
  if (last === undefined || rest === 0) return [...findings];
  const { tensor: _, ...closing } = last;
  return [...findings, { ...closing as T, message: `… and ${rest} more ${what}` }];
}
