/**
 * Turns of the event loop.
 *
 * @module
 */

/**
 * Waits until the event loop has come round, so that signals, timers and messages are served in a
 * long run of work. A message takes some microseconds; a timer of 0 ms takes two milliseconds.
 *
 * @returns Resolves in another task.
 */
export function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close(); // an open one keeps the process alive
      resolve();
    };
    port2.postMessage(undefined);
  });
}
