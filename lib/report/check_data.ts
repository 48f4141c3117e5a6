/**
 * What the report of a check shows, as plain data.
 *
 * @module
 */

import type { AdapterTask } from "../adapter/config.ts";
import type { CheckPrediction } from "../eval/check.ts";
import type { Comparison } from "../eval/compare.ts";
import type { Row } from "../text/dataset.ts";
import type { CheckedLayer } from "./check_layers.ts";
import type { RunDetails } from "./run_details.ts";

/** What `renderCheckReport` shows. */
export interface CheckReportData extends RunDetails {
  /** The adapter before the merge, as the user named it. */
  readonly before: string;
  /** The adapter after. */
  readonly after: string;
  /** The file of rows. */
  readonly data: string;
  /** What both adapters decide. */
  readonly task: AdapterTask;
  /** What the check found: a `CheckResult` will do. */
  readonly result: Comparison & {
    /** The largest drop that passes, as a fraction. */
    readonly maxDrop: number;
    /** Whether the drop is at most that. */
    readonly passed: boolean;
    /** One prediction a row. */
    readonly predictions: readonly CheckPrediction[];
  };
  /** The rows, in the order of the predictions; without them examples are shown by number. */
  readonly rows?: readonly Row[];
  /** What `compareLayers` says of the layers, one entry each, in order. */
  readonly layers?: readonly CheckedLayer[] | undefined;
}
