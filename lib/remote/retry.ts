/**
 * Patience with servers: how often to try again, how long to wait, how much at once.
 *
 * @module
 */

import { InterruptedError } from "../errors.ts";
import { TransientError } from "./failures.ts";

/** Waits between tries, in milliseconds, before jitter; there is one try more than waits. */
export const WAITS: readonly number[] = [1000, 2000, 4000, 8000, 8000];
/** The longest time spent waiting for one request, in milliseconds. */
const MAX_WAIT = 5 * 60 * 1000;
/** Added to every wait, as a share of it, so that many clients do not come back together. */
const JITTER = 0.25;

/** How to wait. */
export interface RetryOptions {
  /** Waits some milliseconds; a timer unless given. */
  readonly sleep?: ((milliseconds: number) => Promise<void>) | undefined;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Told before each wait why it is needed, and how long it will be in milliseconds. */
  readonly onWait?: ((reason: string, milliseconds: number) => void) | undefined;
}

/**
 * Does something that can fail in passing until it succeeds or the tries are used up.
 *
 * @param attempt Throws {@linkcode TransientError} for what another try may mend.
 * @param options How to wait.
 * @returns What the attempt returned.
 * @throws {TransientError} the last one, after 5 more tries or when the waits would exceed 5
 * minutes; any other error of an attempt at once.
 * @throws {InterruptedError} when the signal aborts while waiting.
 */
export async function retry<T>(attempt: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { signal, sleep = (milliseconds) => sleepUntil(milliseconds, signal) } = options;
  let waited = 0;
  for (let tries = 0;; tries++) {
    try {
      return await attempt();
    } catch (error) {
      const usual = WAITS[tries];
      if (!(error instanceof TransientError) || usual === undefined) throw error;
      const wait = (error.wait ?? usual) * (1 + JITTER * Math.random());
      waited += wait;
      if (waited > MAX_WAIT) throw error;
      options.onWait?.(error.message, wait);
      await sleep(wait);
      if (signal?.aborted) throw new InterruptedError();
    }
  }
}

function sleepUntil(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener("abort", end, { once: true });
    if (signal?.aborted) end();
  });
}

/** Lets so many pieces of work run at once; the others wait their turn. */
export class Limiter {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  /**
   * Creates the limiter.
   *
   * @param most How many run at once.
   */
  constructor(most: number) {
    this.#free = most;
  }

  /**
   * Runs one piece of work when its turn comes.
   *
   * @param work The work.
   * @returns What it returned.
   */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}
