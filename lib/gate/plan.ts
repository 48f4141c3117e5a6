/**
 * Renderings as files, written by the one executor.
 *
 * @module
 */

import type { Plan } from "../checkpoint/plan.ts";

/**
 * Plans one text file.
 *
 * @param text What to write; kept.
 * @param output The file.
 * @param options Files that the output must not replace and folders that it must not lie in, and
 * what the text is, for `--dry-run`.
 * @returns A plan for the one executor.
 */
export function planTextFile(
  text: string,
  output: string,
  { inputs, origin }: { readonly inputs: readonly string[]; readonly origin: string },
): Plan {
  const bytes = new TextEncoder().encode(text);
  return { output, kind: "file", inputs, files: [{ kind: "bytes", path: "", bytes, origin }] };
}
