// Our runtime, warm: ours.ts BASE DATA TASK ROUNDS DEVICE ADAPTER... prints what the peers print.

import { type DeviceName, openSession, runRows } from "tinygraft";

const [base, data, task, rounds, device, ...adapters] = Deno.args as [
  string,
  string,
  string,
  string,
  DeviceName,
  ...string[],
];
using session = await openSession({ base, adapters, device });
let forward = Infinity;
let correct: number[] = [];
let examples = 0;
for (let round = 0; round < Number(rounds); round++) {
  const { variants, targets, timings } = await runRows(session, { data, task });
  examples = targets.length;
  // One pass runs every adapter: a peer's pass runs one.
  const seconds = timings.upload + timings.compute + timings.readback;
  forward = Math.min(forward, seconds / adapters.length);
  correct = variants.map(({ logits, cols }) =>
    [...targets].filter((label, row) => {
      const scores = logits.subarray(row * cols, (row + 1) * cols);
      return scores.indexOf(Math.max(...scores)) === label;
    }).length
  );
}
console.log(JSON.stringify({ examples, correct, forward }));
