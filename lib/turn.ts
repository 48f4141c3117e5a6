/**
 * Turns of the event loop.
 *
 * @module
 */

/** What engines have that know Node's timers; others come round by a timer. */
const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };

/**
 * Waits until the event loop has come round, so that signals, timers and messages are served in a
 * long run of work. That takes some microseconds, where a timer of 0 ms takes two milliseconds. A
 * message to oneself would not do: the next one can be there before a timer is looked at.
 *
 * @returns Resolves in another turn.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    if (setImmediate === undefined) setTimeout(resolve, 0);
    else setImmediate(resolve);
  });
}
