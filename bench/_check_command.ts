// `check` as a command of its own, on a real encoder and a GLUE file from ../shared.

import { fromFileUrl } from "@std/path";
import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import type { CheckResult } from "../lib/eval/check.ts";
import { MAIN, measure, type Observer, type Usage } from "./_processes.ts";

/** The folder beside the checkout that holds models, golden adapters and data. */
export const SHARED = fromFileUrl(new URL("../../shared", import.meta.url));
/** The encoder that the golden adapters were trained on. */
export const MINILM = `${SHARED}/models/all-minilm-l6-v2`;

/** What to check. */
export interface CheckCommand {
  /** Folder of golden adapters. */
  readonly golden: string;
  /** The task's name. */
  readonly task: string;
  /** The data, as a path under GLUE's folder. */
  readonly data: string;
  /** The device. */
  readonly device: string;
  /** Rows to take; all when left out. */
  readonly limit?: number | undefined;
}

/** A check, and what it took. */
export interface CheckRun extends Usage {
  /** What it found. */
  readonly result: CheckResult;
}

/**
 * Runs the command with four heads before and their average after.
 *
 * @param command What to check.
 * @param observer Who looks on; without one the command is quiet.
 * @returns What it found and took.
 */
export async function runCheck(command: CheckCommand, observer?: Observer): Promise<CheckRun> {
  const golden = `${SHARED}/goldens/${command.golden}`;
  const args = [
    ...["check", MINILM, "--before", `${golden}/multi_head`, "--after", `${golden}/average`],
    ...["--data", `${SHARED}/data/glue/${command.data}`, "--task", command.task],
    ...["--max-drop", "1", "--device", command.device, "--json", "--no-cache"],
    ...(command.limit === undefined ? [] : ["--limit", `${command.limit}`]),
    ...(observer === undefined ? ["--quiet"] : []),
  ];
  const deno = [Deno.execPath(), "run", "-A", "--no-check", MAIN];
  const { output, ...usage } = await measure([...deno, ...args], [0], runtimeFolderEnv(), observer);
  return { ...usage, result: JSON.parse(output) as CheckResult };
}
