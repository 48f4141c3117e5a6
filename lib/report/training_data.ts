/**
 * What the report of a training run shows, as plain data.
 *
 * @module
 */

import type { MetricValues } from "../eval/compare.ts";
import type { Metric } from "../text/tasks.ts";
import type { RunDetails } from "./run_details.ts";

/** One step of the optimiser. */
export interface TrainingStep {
  /** Counted from 1. */
  readonly step: number;
  /** Passes over the rows so far. */
  readonly epoch: number;
  /** The loss of the step's rows. */
  readonly loss: number;
  /** The learning rate. */
  readonly learningRate: number;
  /** The norm of the gradient before it was clipped. */
  readonly gradientNorm: number;
}

/** What the rows to judge by gave after some step. */
export interface TrainingEvaluation {
  /** Steps done before it. */
  readonly step: number;
  /** Passes over the rows so far. */
  readonly epoch: number;
  /** The mean loss. */
  readonly loss: number;
  /** The task's metric and those beside it. */
  readonly metrics: MetricValues;
}

/** A training run, as `train` gives it. */
export interface TrainingRun {
  /** Steps done. */
  readonly steps: number;
  /** The mean loss of the last epoch's steps. */
  readonly loss: number;
  /** The evaluation of the adapter that was kept; null where there was none. */
  readonly eval: TrainingEvaluation | null;
  /** The metric that the best is chosen by. */
  readonly metric: Metric;
  /** Rows to learn from. */
  readonly rows: number;
  /** Rows to judge by. */
  readonly evalRows: number;
  /** Rows to learn from of each class; empty for regression. */
  readonly classes: readonly { readonly label: string; readonly rows: number }[];
  /** What was trained, in elements. */
  readonly parameters: number;
  /** `parameters` over the base's own. */
  readonly share: number;
  /** Whether it ended before its last step for want of progress. */
  readonly stoppedEarly: boolean;
  /** How it was trained. */
  readonly settings: object;
  /** Rows learnt from a second. */
  readonly rowsPerSecond: number;
  /** Every step and evaluation. */
  readonly history: {
    /** The steps, in order; one at least. */
    readonly steps: readonly TrainingStep[];
    /** The evaluations, in order. */
    readonly evaluations: readonly TrainingEvaluation[];
  };
}

/** What `renderTrainingReport` shows. */
export interface TrainingReportData extends RunDetails {
  /** The run. */
  readonly run: TrainingRun;
  /** The base, as the user named it. */
  readonly base: string;
  /** The adapter that was written. */
  readonly output: string;
  /** The file learnt from. */
  readonly data: string;
  /** The file judged by, where there was one. */
  readonly evalData?: string | undefined;
}
