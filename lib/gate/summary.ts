/**
 * Outcomes as GitHub-flavoured Markdown, for the summary of a job or a comment.
 *
 * @module
 */

import { details, hasPassed, isError, metricFacts } from "./facts.ts";
import type { GateOutcome } from "./outcome.ts";

const HEADINGS = ["check", "metric", "before", "after", "drop", "95 % interval", "limit", "rows"];

/**
 * Writes outcomes as Markdown: a table with one line a check, why checks failed, and the details
 * of each, folded. Metrics are in points, hundredths of the metric.
 *
 * @param outcomes The outcomes, in the order to show them.
 * @returns Markdown with a newline at its end; what came from files or users is escaped.
 *
 * @example The first line
 * ```ts
 * import { renderSummary } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(renderSummary([]).split("\n")[0], "### tinygraft check: nothing was checked");
 * ```
 */
export function renderSummary(outcomes: readonly GateOutcome[]): string {
  const failed = outcomes.filter((outcome) => !hasPassed(outcome));
  const reasons = failed.flatMap(({ name, failures }) =>
    failures.map(({ message }) => `- **${escapeMarkdown(name)}:** ${escapeMarkdown(message)}`)
  );
  const blocks = [
    `### tinygraft check: ${verdict(outcomes.length, failed.length)}`,
    outcomes.length === 0 ? "" : table(outcomes),
    reasons.join("\n"),
    outcomes.map(folded).join("\n"),
  ];
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function verdict(all: number, failed: number): string {
  if (all === 0) return "nothing was checked";
  if (all === 1) return failed === 0 ? "passed" : "failed";
  return failed === 0 ? `all ${all} passed` : `${failed} of ${all} failed`;
}

function table(outcomes: readonly GateOutcome[]): string {
  const rows = outcomes.map((outcome) => {
    const facts = metricFacts(outcome);
    const figures = facts === undefined ? Array<string>(7).fill("–") : [
      facts.metric,
      facts.before,
      facts.after,
      facts.drop,
      facts.interval,
      facts.limit,
      facts.rows,
    ];
    return [escapeMarkdown(outcome.name), ...figures, result(outcome)];
  });
  const alignment = [":--", ":--", ...Array<string>(6).fill("--:"), ":--"];
  return [[...HEADINGS, "result"], alignment, ...rows].map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function result(outcome: GateOutcome): string {
  const word = hasPassed(outcome) ? "✅ passed" : isError(outcome) ? "⚠️ not run" : "❌ failed";
  return outcome.cached ? `${word} (cached)` : word;
}

function folded(outcome: GateOutcome): string {
  const lines = details(outcome).map(([name, value]) => `- ${name}: ${escapeMarkdown(value)}`);
  const heading = escapeHtml(oneLine(outcome.name));
  return [`<details><summary>${heading}</summary>`, "", ...lines, "", "</details>"].join("\n");
}

function oneLine(text: string): string {
  return text.toWellFormed().replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/** Text that stays text: in a table, in a list, in bold. */
function escapeMarkdown(text: string): string {
  const html = escapeHtml(oneLine(text));
  // A sign before a name makes GitHub mention a person, a number sign an issue.
  return html.replace(/[\\`*_{}[\]()#+!|~$]/g, (sign) => `\\${sign}`).replaceAll("@", "&#64;");
}
