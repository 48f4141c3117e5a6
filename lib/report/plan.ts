/**
 * A report as a file to write.
 *
 * @module
 */

import type { Plan } from "../checkpoint/plan.ts";

/**
 * Plans the file of a report.
 *
 * @param markup The HTML document; empty to check the output before there is a report.
 * @param output The file to write.
 * @param inputs Files that the output must not replace, and folders that it must not lie in.
 * @returns A plan for the one executor.
 */
export function planReport(markup: string, output: string, inputs: readonly string[]): Plan {
  const bytes = new TextEncoder().encode(markup);
  return {
    output,
    kind: "file",
    inputs,
    files: [{ kind: "bytes", path: "", bytes, origin: "report" }],
  };
}
