/**
 * Runs of checks kept by what they were made from, so that nothing is evaluated twice.
 *
 * @module
 */

import { sha256 } from "../checkpoint/hash.ts";
import { VERSION } from "../version.ts";
import type { CheckInputs } from "./check_inputs.ts";
import { type CheckRun, predictionsOf, RECORD_FORMAT } from "./check_record.ts";
import type { CheckRunOptions } from "./check_run.ts";
import { parsePredictions } from "./combine_read.ts";

/** A place that keeps texts by key, over the end of the process. */
export interface CheckCache {
  /** Gives back what was kept; undefined where nothing is. */
  get(key: string): Promise<string | undefined>;
  /** Keeps a text; may drop it, or older ones, where there is no room. */
  set(key: string, text: string): Promise<void>;
}

/** A run that was kept. */
export interface KeptRun {
  /** The run. */
  readonly run: CheckRun;
  /** What was warned of while it was made. */
  readonly warnings: readonly string[];
}

/**
 * Names a run by all that its outputs depend on.
 *
 * @param inputs Hashes of what is run.
 * @param options How it is run; where the files lie does not count, only what they hold.
 * @returns 64 hexadecimal digits.
 */
export function cacheKey(inputs: CheckInputs, options: CheckRunOptions): string {
  const { task, text, textPair, label, limit, head, device, precision, maxLength } = options;
  const parts = {
    ...{ format: RECORD_FORMAT, version: VERSION, inputs, task, text, textPair, label, limit },
    ...{ head: head ?? { kind: "adapter" }, device, precision, maxLength },
    ...{ batch: options.batch, force: options.force ?? false, shard: options.shard },
  };
  return digest(JSON.stringify(parts));
}

/**
 * Looks for a run that was kept.
 *
 * @param cache Where to look.
 * @param key From {@linkcode cacheKey}.
 * @param warn Told of an entry that is damaged, which counts as none.
 * @returns The run; undefined where there is none.
 */
export async function readKept(
  cache: CheckCache,
  key: string,
  warn?: (message: string) => void,
): Promise<KeptRun | undefined> {
  const text = await cache.get(key);
  if (text === undefined) return undefined;
  const kept = parseKept(text, key);
  if (kept === undefined) warn?.("a kept result is damaged: the check is run again");
  return kept;
}

function parseKept(text: string, key: string): KeptRun | undefined {
  try {
    const end = text.indexOf("\n");
    const [head, body] = [JSON.parse(text.slice(0, end)), text.slice(end + 1)];
    if (head.key !== key || head.sha256 !== digest(body)) return undefined;
    const warnings = Array.isArray(head.warnings) ? head.warnings : [];
    return { run: parsePredictions(body, "the cache"), warnings };
  } catch {
    return undefined;
  }
}

/**
 * Keeps a run.
 *
 * @param cache Where to.
 * @param key From {@linkcode cacheKey}.
 * @param kept The run and its warnings.
 */
export async function keepRun(
  cache: CheckCache,
  key: string,
  { run, warnings }: KeptRun,
): Promise<void> {
  let body = "";
  for (const row of predictionsOf(run)) body += `${JSON.stringify(row)}\n`;
  await cache.set(key, `${JSON.stringify({ key, sha256: digest(body), warnings })}\n${body}`);
}

function digest(text: string): string {
  const hash = sha256();
  hash.update(new TextEncoder().encode(text));
  return hash.hex();
}
