// Trained adapters, and merges of them, on a task's whole dev set.

import type { DeviceName } from "../../lib/compute/open.ts";
import { compareOutputs, type Comparison, readPredictions } from "../../lib/eval/compare.ts";
import { judgedBy, runAdapters } from "../../lib/eval/measured_merge.ts";
import { planOnText } from "../../lib/eval/merge_check.ts";
import { computeMetric } from "../../lib/eval/metrics.ts";
import { readLabelled } from "../../lib/eval/run.ts";
import { openSession, type Session } from "../../lib/eval/session.ts";
import { readText } from "../../lib/eval/text_rows.ts";
import { type AnyMergeMethod, CALIBRATION_ROWS } from "../../lib/merge/method_names.ts";
import type { AdapterWeights } from "../../lib/runtime/load.ts";
import { placeAdapter } from "../../lib/runtime/place.ts";
import type { Metric } from "../../lib/text/tasks.ts";
import { MINILM, SHARED } from "../_check_command.ts";
import { standardError } from "../_statistics.ts";
import type { FinishedRun, Task } from "./runs.ts";

/** The runs of one task. */
export interface TaskRuns {
  readonly task: Task;
  /** All heads at once, one run a seed. */
  readonly plain: readonly FinishedRun[];
  /** Heads that can be averaged, one run a seed. */
  readonly mergeable: readonly FinishedRun[];
  /** One head trained directly by the plain recipe, one run a seed. */
  readonly single: readonly FinishedRun[];
}

/** A run's metric on the dev set, as a fraction. */
export interface Judged {
  readonly run: FinishedRun;
  readonly value: number;
  /** What the run's last epoch gave, which need not be the one that was kept. */
  readonly last: number | undefined;
}

/** One head made of a mergeable run's heads. */
export interface JudgedMerge {
  readonly run: FinishedRun;
  readonly method: AnyMergeMethod;
  /** Against the run's own stacked heads. */
  readonly againstStack: Comparison;
  /** Against one head trained directly, of the same seed where there is one. */
  readonly againstSingle: Comparison | undefined;
}

/** What a task's dev set says. */
export interface JudgedTask {
  readonly task: Task;
  readonly metric: Metric;
  readonly plain: readonly Judged[];
  /** PyTorch's adapter of four heads, with the metric's standard error. */
  readonly golden: { readonly value: number; readonly error: number };
  readonly merges: readonly JudgedMerge[];
}

/** How to judge. */
export interface JudgeOptions {
  readonly device: DeviceName;
  /** The ways to make one head of a mergeable run's. */
  readonly methods: readonly AnyMergeMethod[];
}

/**
 * Runs a task's dev set through all of its adapters and their merges, in one pass.
 *
 * @param runs The task and its finished runs.
 * @param options Device and ways to merge.
 * @returns Metrics and comparisons.
 */
export async function judgeTask(
  { task, plain, mergeable, single }: TaskRuns,
  { device, methods }: JudgeOptions,
): Promise<JudgedTask> {
  const golden = `${SHARED}/goldens/${task.name}_h4/multi_head`;
  const trained = [...plain, ...mergeable, ...single];
  const paths = [golden, ...trained.map(({ adapter }) => adapter)];
  using session = await openSession({ base: MINILM, adapters: paths, device });
  const data = `${SHARED}/data/glue/${task.data}/dev.tsv`;
  const labelled = await readLabelled(session, { data, task: task.name });
  const merged = mergeable.flatMap((run) => methods.map((method) => ({ run, method })));
  const weights: AdapterWeights[] = [];
  for (const { run, method } of merged) {
    weights.push(await mergedWeights(session, task, paths.indexOf(run.adapter), method));
  }
  console.error(`running ${task.title} through ${paths.length + weights.length} adapters`);
  const all = [...session.variants, ...weights];
  const logits = await runAdapters(session, all, labelled, { base: MINILM, device }, "Running");
  const judging = judgedBy(session, labelled);
  const { metric } = judging;
  const logitsOf = (run: FinishedRun) => logits[paths.indexOf(run.adapter)]!;
  const predictions = logits.map((each) => readPredictions(each, labelled.targets, judging.kind));
  const value = (index: number) => computeMetric(metric, predictions[index]!);
  return {
    task,
    metric,
    plain: plain.map((run) => ({
      run,
      value: value(paths.indexOf(run.adapter)),
      last: run.last?.[metric],
    })),
    golden: { value: value(0), error: standardError(metric, predictions[0]!) },
    merges: merged.map(({ run, method }, i) => {
      const after = logits[paths.length + i]!;
      const other = single.find(({ seed }) => seed === run.seed) ?? single[0];
      const against = (before: FinishedRun) =>
        compareOutputs(logitsOf(before), after, labelled.targets, judging);
      return {
        run,
        method,
        againstStack: against(run),
        againstSingle: other === undefined ? undefined : against(other),
      };
    }),
  };
}

async function mergedWeights(
  session: Session,
  { name, data }: Task,
  index: number,
  method: AnyMergeMethod,
): Promise<AdapterWeights> {
  const training = { data: `${SHARED}/data/glue/${data}/train.tsv`, task: name };
  const text = method === "distil"
    ? await readText(session, training, CALIBRATION_ROWS)
    : undefined;
  const options = { method, heads: 1 };
  const merge = await planOnText(session, session.adapters[index]!, "unwritten", text, options);
  return placeAdapter(merge.after, session.backend);
}
