/**
 * What `validate` finds, as SARIF 2.1.0 (OASIS), which GitHub's code scanning and many others read.
 *
 * @module
 */

import type { FileFindings } from "../checkpoint/validate.ts";
import { ERROR_CODES } from "../errors.ts";
import { isRemote } from "../remote/address.ts";
import { type Finding, WARNING_CODES } from "../safetensors/header.ts";
import { VERSION } from "../version.ts";

const SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/" +
  "sarif-schema-2.1.0.json";
/** What GitHub calls the root of the checkout that paths are relative to. */
const ROOT_ID = "%SRCROOT%";

/** How a finding is told. */
type Level = "error" | "warning";

/** One finding with what it is about. */
interface Located {
  readonly path: string;
  readonly level: Level;
  readonly finding: Finding;
}

/**
 * Writes findings as one SARIF log with one run.
 *
 * Faults are errors, warnings warnings. Files are binary or written by programs, so that a result
 * names the file, and the tensor as a logical location; its region is the first line, since some
 * readers refuse results without any.
 *
 * @param files The findings of each file; files without any are listed as artifacts.
 * @returns The log as indented JSON with a newline at its end.
 *
 * @example An empty file
 * ```ts
 * import { renderSarif } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const log = JSON.parse(renderSarif([{
 *   path: "model.safetensors",
 *   faults: [{ code: "header-too-small", message: "found 0 bytes, expected 8 at least" }],
 *   warnings: [],
 * }]));
 * assertEquals(log.version, "2.1.0");
 * assertEquals(log.runs[0].results[0].ruleId, "header-too-small");
 * ```
 */
export function renderSarif(files: readonly FileFindings[]): string {
  const located = files.flatMap(({ path, faults, warnings }): Located[] => [
    ...faults.map((finding) => ({ path, level: "error" as const, finding })),
    ...warnings.map((finding) => ({ path, level: "warning" as const, finding })),
  ]);
  const rules = [...new Set(located.map(({ finding }) => finding.code))].toSorted();
  const log = {
    $schema: SCHEMA,
    version: "2.1.0",
    runs: [{
      tool: {
        driver: {
          name: "tinygraft",
          semanticVersion: VERSION,
          rules: rules.map((code) => ({
            id: code,
            shortDescription: { text: meaning(code) },
          })),
        },
      },
      automationDetails: { id: "tinygraft-validate/" },
      columnKind: "utf16CodeUnits",
      invocations: [{ executionSuccessful: true }],
      artifacts: files.map(({ path }) => ({ location: locate(path) })),
      results: located.map((each) => resultOf(each, rules, files)),
    }],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

function resultOf(
  { path, level, finding }: Located,
  rules: readonly string[],
  files: readonly FileFindings[],
) {
  const { code, message, tensor } = finding;
  return {
    ruleId: code,
    ruleIndex: rules.indexOf(code),
    level,
    message: { text: message.toWellFormed() },
    locations: [{
      physicalLocation: {
        artifactLocation: { ...locate(path), index: files.findIndex((file) => file.path === path) },
        region: { startLine: 1 },
      },
      ...(tensor === undefined ? {} : {
        logicalLocations: [{ fullyQualifiedName: tensor.toWellFormed(), kind: "object" }],
      }),
    }],
    // Tells readers which findings are the same from run to run, whatever their messages say.
    partialFingerprints: { "codePathTensor/v1": [code, path, tensor ?? ""].map(encode).join(":") },
  };
}

function meaning(code: string): string {
  const codes: Readonly<Record<string, string>> = { ...ERROR_CODES, ...WARNING_CODES };
  return codes[code] ?? code;
}

/** A path as the URI reference that SARIF wants; relative ones are below the checkout's root. */
function locate(path: string): { readonly uri: string; readonly uriBaseId?: string } {
  if (isRemote(path)) return { uri: encodeURI(path.toWellFormed()) };
  const uri = path.split("/").map(encode).join("/");
  if (path.startsWith("/")) return { uri: `file://${uri}` };
  return { uri: uri.replace(/^(?:\.\/)+/, ""), uriBaseId: ROOT_ID };
}

function encode(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
