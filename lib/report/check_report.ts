/**
 * The report of a check as one HTML page.
 *
 * @module
 */

import type { CheckReportData } from "./check_data.ts";

export type { CheckReportData } from "./check_data.ts";

/**
 * Renders the report of a check: whether it passed, metrics with their intervals, confusion or
 * outputs against true values, how far confidence is deserved, the examples that changed, and what
 * became of each layer. The page is whole in itself, as that of `renderMergeReport`; a script, which
 * its policy names by hash, only finds examples and leaves out nothing that there is without it.
 *
 * @param data What the check found, and how to do it again.
 * @returns An HTML document, the same for the same data.
 *
 * @example The adapter that the repository ships against itself
 * ```ts
 * import { checkMerge, renderCheckReport } from "tinygraft";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const [before, after] = ["fixtures/mini/adapter", "fixtures/mini/adapter"];
 * const data = "fixtures/mini/data/dev.tsv";
 * const base = "fixtures/mini/encoder";
 * const options = { base, before, after, data, device: "reference", limit: 4, maxDrop: 0 } as const;
 * const result = await checkMerge(options);
 * const page = await renderCheckReport({
 *   ...{ before, after, data, result, task: result.task, rows: result.rows },
 *   command: `tinygraft check ${base} --before ${before} --after ${after} --data ${data}`,
 *   environment: [["device", result.deviceDescription]],
 * });
 * assertStringIncludes(page, "Passed");
 * ```
 */
export async function renderCheckReport(data: CheckReportData): Promise<string> {
  // Imported late: charts take longer to load than the library itself.
  const [{ renderPage }, { checkPage }] = await Promise.all([
    import("./page.ts"),
    import("./check_page.ts"),
  ]);
  return await renderPage(checkPage(data));
}
