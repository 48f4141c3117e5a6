/**
 * Outcomes as JUnit XML, which Jenkins, GitLab and most others read.
 *
 * @module
 */

import { details, hasPassed, isError, metricFacts } from "./facts.ts";
import type { GateOutcome } from "./outcome.ts";
import { xmlAttribute, xmlText } from "./xml.ts";

/**
 * Writes outcomes as one JUnit document: one test case a check. A check that could not be run is an
 * error, one that broke a rule a failure.
 *
 * The form is that of the schema `junit-10.xsd` of Jenkins' xUnit plugin.
 *
 * @param outcomes The outcomes, in the order to show them.
 * @returns The document, UTF-8, with a newline at its end.
 *
 * @example A check that could not be run
 * ```ts
 * import { renderJunit } from "tinygraft";
 * import { assertMatch } from "@std/assert";
 *
 * const xml = renderJunit([{
 *   name: "average",
 *   base: "encoder",
 *   before: "adapter",
 *   after: "averaged",
 *   data: "dev.tsv",
 *   result: undefined,
 *   failures: [{ code: "error", message: 'Cannot open "averaged": there is no such folder' }],
 *   cached: false,
 *   seconds: 0.1,
 * }]);
 * assertMatch(xml, /<testsuite name="tinygraft check" tests="1" failures="0" errors="1"/);
 * ```
 */
export function renderJunit(outcomes: readonly GateOutcome[]): string {
  const errors = outcomes.filter(isError).length;
  const failures = outcomes.filter((outcome) => !hasPassed(outcome)).length - errors;
  const time = seconds(outcomes.reduce((sum, outcome) => sum + outcome.seconds, 0));
  const counts = `tests="${outcomes.length}" failures="${failures}" errors="${errors}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="tinygraft" ${counts} time="${time}">`,
    `  <testsuite name="tinygraft check" ${counts} skipped="0" time="${time}">`,
    ...outcomes.flatMap(testCase),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n");
}

function testCase(outcome: GateOutcome): string[] {
  const name = xmlAttribute(outcome.name);
  const time = seconds(outcome.seconds);
  return [
    `    <testcase name="${name}" classname="tinygraft.check" time="${time}">`,
    ...outcome.failures.map(({ code, message, location }) => {
      const element = code === "error" ? "error" : "failure";
      const place = location === undefined ? "" : `${location.file}:${location.line}: `;
      return `      <${element} type="${code}" message="${xmlAttribute(message)}">` +
        `${xmlText(`${place}${message}`)}</${element}>`;
    }),
    `      <system-out>${xmlText(textOf(outcome))}</system-out>`,
    "    </testcase>",
  ];
}

function textOf(outcome: GateOutcome): string {
  const facts = metricFacts(outcome);
  const first = facts === undefined ? [] : [
    `${facts.metric}: ${facts.before} before, ${facts.after} after on ${facts.rows} rows`,
    `drop: ${facts.drop} points (95 % interval ${facts.interval}), at most ${facts.limit} allowed`,
  ];
  return [...first, ...details(outcome).map(([name, value]) => `${name}: ${value}`), ""].join("\n");
}

function seconds(value: number): string {
  return value.toFixed(3);
}
