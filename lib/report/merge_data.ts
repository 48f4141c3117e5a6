/**
 * What the report of a merge shows, as plain data.
 *
 * @module
 */

import type { MeasuredLayer } from "../calibrate/measure.ts";
import type { Comparison } from "../eval/compare.ts";
import type { AdapterMerge } from "../merge/merge_adapter.ts";
import type { MergeMethod } from "../merge/method_names.ts";
import type { MetricIntervals } from "./intervals.ts";
import type { BeforeAfter, RunDetails } from "./run_details.ts";

/** What a merge costs on data, as far as it was measured. */
export interface MergeMeasurements {
  /** The file whose text the layers were measured on. */
  readonly text?: string;
  /** One entry a layer, in order. */
  readonly layers?: readonly MeasuredLayer[];
  /** The file of labelled rows. */
  readonly data?: string;
  /** Metrics before and after on these rows. */
  readonly comparison?: Comparison;
  /** How sure each metric is by itself, by `metricIntervals`. */
  readonly intervals?: BeforeAfter<MetricIntervals>;
}

/** One adapter that was merged. */
export interface MergeSource {
  /** Where it was opened, as the user named it. */
  readonly adapter: string;
  /** Its heads: of every layer, or one number a layer. */
  readonly heads: number | readonly number[];
  /** Its weight in the merge, as a fraction; 0 where a greedy soup left it out. */
  readonly weight: number;
  /** The content hash of its tensors. */
  readonly contentHash: string;
  /** Its metric by itself, as a fraction, where that was measured. */
  readonly metric?: number;
}

/** What `renderMergeReport` shows. */
export interface MergeReportData extends RunDetails {
  /** What to ship, in one sentence without a full stop. */
  readonly advice: string;
  /** The adapters that were merged, in the order in which their heads are numbered. */
  readonly sources: readonly MergeSource[];
  /** The adapter that was written. */
  readonly output: string;
  /** The merge; for a soup, against the exact mean of its adapters. */
  readonly merge: Pick<
    AdapterMerge,
    "config" | "method" | "headsBefore" | "headsAfter" | "layers" | "exact"
  >;
  /** How a greedy soup merges heads; leave it out for what chose no adapters. */
  readonly greedy?: MergeMethod;
  /** The heads' share of the encoder's multiplications, as a fraction. */
  readonly compute?: BeforeAfter<number>;
  /** What was measured on data. */
  readonly measured?: MergeMeasurements;
  /** More to say about how it was merged, one sentence each, such as the steps of a greedy soup. */
  readonly notes?: readonly string[];
}
