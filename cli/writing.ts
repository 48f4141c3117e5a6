/**
 * What every writing command does with its plan: print it, or execute it and say what was written.
 *
 * @module
 */

import { checkOutput, execute, type WrittenFile } from "../lib/checkpoint/execute.ts";
import { describePlan, type Plan, type PlanDescription } from "../lib/checkpoint/plan.ts";
import type { PushResult } from "../lib/hub/push.ts";
import type { Invocation } from "./command.ts";
import { formatBytes, formatTable, printable } from "./format.ts";
import { pushText } from "./push_text.ts";

/** What became of a plan. */
export interface Outcome {
  /** The plan, as `--dry-run` prints it. */
  readonly plan: PlanDescription;
  /** The files written; empty on `--dry-run`. */
  readonly written: readonly WrittenFile[];
  /** Whether it was a dry run. */
  readonly dryRun: boolean;
  /** What was pushed, of an output on the Hub. */
  readonly pushed?: PushResult;
}

/**
 * Executes plans one after the other, or only checks and describes them on `--dry-run`.
 *
 * @param plans What to write; every output is checked before the first byte is written.
 * @param invocation The call, with `--dry-run`, `--force` and `--verify`.
 * @returns One outcome a plan.
 */
export async function carryOut(
  plans: readonly Plan[],
  { flags, io, progress }: Invocation,
): Promise<Outcome[]> {
  const force = flags.boolean("force");
  const dryRun = flags.boolean("dry-run");
  for (const plan of plans) checkOutput(plan, { force });
  const outcomes: Outcome[] = [];
  for (const plan of plans) {
    const description = describePlan(plan);
    const written = dryRun ? [] : await execute(plan, {
      force,
      verify: flags.boolean("verify"),
      signal: io.signal,
      onProgress: (done, total, label) => progress.update(done, total, label, "bytes"),
    });
    outcomes.push({ plan: description, written, dryRun });
  }
  progress.end();
  return outcomes;
}

/** An outcome for people: the files written, or the plan with each tensor and its origin. */
export function outcomeText({ plan, written, dryRun, pushed }: Outcome): string {
  if (pushed !== undefined) return pushText(pushed, plan.output);
  if (!dryRun) {
    const rows = written.map((file) => [
      `  ${printable(file.path === "" ? plan.output : file.path)}`,
      formatBytes(file.bytes),
      file.how,
    ]);
    const isHashed = written.some(({ sha256 }) => sha256 !== undefined);
    const heading = `Wrote ${printable(plan.output)} (${formatBytes(plan.bytes)})${
      isHashed ? ", verified by SHA-256" : ""
    }:`;
    return [heading, formatTable(["  file", "bytes", "how"], rows, ["left", "right"])].join("\n");
  }
  const lines = [`Would write ${printable(plan.output)} (${formatBytes(plan.bytes)}):`];
  for (const file of plan.files) {
    const name = printable(file.path === "" ? plan.output : file.path);
    lines.push(`  ${file.action} ${name} (${formatBytes(file.bytes)})`);
    const rows = (file.tensors ?? []).map((tensor) => [
      `    ${printable(tensor.name)}`,
      tensor.dtype,
      JSON.stringify(tensor.shape),
      formatBytes(tensor.bytes),
      `from ${printable(tensor.from)}`,
    ]);
    if (rows.length > 0) lines.push(formatTable(["", "", "", "", ""], rows).slice(1));
  }
  return lines.join("\n");
}

/** The fields that every writing command's JSON has. */
export function outcomeJson(
  { plan, written, dryRun, pushed }: Outcome,
): Record<string, unknown> {
  return { plan, written, dryRun, ...(pushed === undefined ? {} : { pushed }) };
}
