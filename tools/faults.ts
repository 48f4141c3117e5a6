/**
 * `deno task faults [ROUNDS] [SEED]`: kills a writing process at random moments, 200 of them unless
 * told otherwise, and fails when one leaves anything but the old output or the new, whole.
 *
 * @module
 */

import { killRounds } from "../tests/checkpoint/_kills.ts";

if (import.meta.main) {
  const rounds = Number(Deno.args[0] ?? 200);
  const seed = Number(Deno.args[1] ?? crypto.getRandomValues(new Uint32Array(1))[0]);
  console.log(`${rounds} writers to kill, seed ${seed}`);
  const report = await killRounds(rounds, seed);
  console.log(
    `The old output was left ${report.old} times, the new one ${report.new} times, ` +
      `${report.unfinished} times with an unfinished one beside it, which the next run cleared away`,
  );
}
