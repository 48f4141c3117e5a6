/**
 * Predictions as JSON Lines, one object a row in input order.
 *
 * @module
 */

import type { Plan } from "../checkpoint/plan.ts";

/**
 * Plans a JSON Lines file.
 *
 * @param rows One object a line.
 * @param output The file to write.
 * @param inputs Files that the output must not replace, and folders that it must not lie in.
 * @returns A plan for the one executor.
 */
export function planJsonLines(
  rows: readonly unknown[],
  output: string,
  inputs: readonly string[],
): Plan {
  const text = rows.map((row) => `${JSON.stringify(row)}\n`).join("");
  const bytes = new TextEncoder().encode(text);
  return {
    output,
    kind: "file",
    inputs,
    files: [{ kind: "bytes", path: "", bytes, origin: "predictions" }],
  };
}
