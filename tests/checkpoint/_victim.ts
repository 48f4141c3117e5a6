// A process that copies a checkpoint, to be killed in the middle: `_victim.ts KIND FROM OUTPUT`.
// It says when it begins and then works as fast as it can.

import { execute } from "../../lib/checkpoint/execute.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { copySteps, filePlan, folderPlan } from "./_plans.ts";

const [kind, from, output] = Deno.args as [string, string, string];
using checkpoint = await openCheckpoint(from);
const planOf = kind === "file" ? filePlan : folderPlan;
const plan = planOf(output, copySteps(checkpoint), [from]);
Deno.stdout.writeSync(new TextEncoder().encode("begin\n"));
await execute(plan, { force: true });
