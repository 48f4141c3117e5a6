/**
 * Failures as workflow commands, which GitHub shows beside the changed lines.
 *
 * @module
 */

import type { GateFailure, GateLocation, GateOutcome } from "./outcome.ts";

/**
 * Writes every failure as a workflow command `::error …::message` of GitHub Actions.
 *
 * @param outcomes The outcomes.
 * @returns One line a failure, without line breaks in it; none for checks that passed.
 *
 * @example What GitHub shows at line 7 of a file
 * ```ts
 * import { renderAnnotations } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const location = { file: "tinygraft.yaml", line: 7 };
 * const lines = renderAnnotations([{
 *   name: "average",
 *   base: "encoder",
 *   before: "adapter",
 *   after: "averaged",
 *   data: "dev.tsv",
 *   result: undefined,
 *   failures: [{ code: "max-drop", message: "accuracy fell by 52 %", location }],
 *   cached: false,
 *   seconds: 1,
 * }]);
 * assertEquals(lines, [
 *   "::error file=tinygraft.yaml,line=7,title=tinygraft check average::accuracy fell by 52 %25",
 * ]);
 * ```
 */
export function renderAnnotations(outcomes: readonly GateOutcome[]): string[] {
  return outcomes.flatMap(({ name, failures }) =>
    failures.map((failure) => annotate(`tinygraft check ${name}`, failure))
  );
}

/**
 * Writes one workflow command.
 *
 * @param title What stands above the message.
 * @param failure The message, and where it belongs, if anywhere.
 * @returns The line.
 */
export function annotate(
  title: string,
  { message, location }: Pick<GateFailure, "message"> & { readonly location?: GateLocation },
): string {
  const properties = [
    ...(location === undefined ? [] : [
      `file=${escapeProperty(location.file)}`,
      `line=${location.line}`,
      ...(location.column === undefined ? [] : [`col=${location.column}`]),
    ]),
    `title=${escapeProperty(title)}`,
  ];
  return `::error ${properties.join(",")}::${escapeData(message)}`;
}

/** A message may hold anything but what would end its line. */
function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

/** A property ends at a comma, and all of them at a colon. */
function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
