/**
 * The report of a merge as one HTML page.
 *
 * @module
 */

import type { MergeReportData } from "./merge_data.ts";

export type { MergeMeasurements, MergeReportData, MergeSource } from "./merge_data.ts";

/**
 * Renders the report of a merge: the advice, metrics before and after where they were measured, the
 * error of each layer, and how alike the heads were. The page is whole in itself: it loads nothing,
 * runs no script, and follows the reader's choice of light or dark.
 *
 * @param data The merge, what it costs, and how to do it again.
 * @returns An HTML document, the same for the same data.
 *
 * @example The plain average of the adapter that the repository ships
 * ```ts
 * import { adviseMerge, openAdapter, planMerge, renderMergeReport } from "tinygraft";
 * import { assertStringIncludes } from "@std/assert";
 *
 * using adapter = await openAdapter("fixtures/mini/adapter");
 * const merge = await planMerge(adapter, "one-head", { method: "average" });
 * const page = await renderMergeReport({
 *   merge,
 *   advice: adviseMerge(merge),
 *   sources: [{
 *     adapter: "fixtures/mini/adapter",
 *     heads: 4,
 *     weight: 1,
 *     contentHash: await adapter.contentHash(),
 *   }],
 *   output: "one-head",
 *   command: "tinygraft merge fixtures/mini/adapter one-head --method average",
 *   environment: [],
 * });
 * assertStringIncludes(page, "Layer by layer");
 * ```
 */
export async function renderMergeReport(data: MergeReportData): Promise<string> {
  // Imported late: charts take longer to load than most merges take to run.
  const [{ renderPage }, { mergePage }] = await Promise.all([
    import("./page.ts"),
    import("./merge_page.ts"),
  ]);
  return await renderPage(mergePage(data));
}
