/**
 * The content of a training run's report.
 *
 * @module
 */

import { keyOf, type Series } from "./charts.ts";
import { type Html, html } from "./html.ts";
import { METRIC_TITLES } from "./metric_sections.ts";
import { count, counted, percent, points, significant } from "./numbers.ts";
import {
  figureOf,
  type Page,
  type Section,
  type Table,
  tableOf,
  type Tile,
  tilesOf,
} from "./page.ts";
import { classChart, curveChart, type Span, spansOf } from "./training_curves.ts";
import type { TrainingReportData, TrainingRun } from "./training_data.ts";

const LEARNING: Series = { name: "learning", color: "var(--before)", symbol: "circle" };
const JUDGING: Series = { name: "judging", color: "var(--after)", symbol: "square" };
const BESIDE: Series = { name: "beside it", color: "var(--third)", symbol: "triangle" };

/** Rows of a table over steps at most. */
const TABLE_ROWS = 24;

/** Classes drawn at most: the commonest and the rarest, where there are more. */
const SHOWN_CLASSES = 24;

/** Metrics in points are hundredths. */
const POINTS = 100;

/**
 * Lays out the report of a training run.
 *
 * @param data The run.
 * @returns The page, for `renderPage`.
 */
export function trainingPage(data: TrainingReportData): Page {
  const { run, output } = data;
  const { classes } = run;
  const sections: (Section | undefined)[] = [
    { title: "Curves", body: curves(run) },
    classes.length === 0 ? undefined : { title: "Classes", body: classFigure(classes) },
    settingsSection(data),
  ];
  return {
    title: `Training of ${output}`,
    verdict: verdictOf(run),
    mood: "neutral",
    lead: tilesOf(tiles(run)),
    sections: sections.filter((section) => section !== undefined),
    details: data,
  };
}

function verdictOf(
  { eval: kept, metric, steps, evalRows, history, stoppedEarly }: TrainingRun,
): string {
  if (kept === null) {
    return `After ${counted(steps, "step")} nothing says how good the adapter is: no rows were ` +
      "kept apart to judge it by.";
  }
  const title = METRIC_TITLES[metric];
  const evaluations = counted(history.evaluations.length, "evaluation");
  return `${title.charAt(0).toUpperCase()}${title.slice(1)} ${points(kept.metrics[metric]!)} on ` +
    `${counted(evalRows, "row")} after step ${count(kept.step)}, the best of ${evaluations}` +
    `${stoppedEarly ? "; stopped early, as nothing better came" : ""}.`;
}

function tiles(run: TrainingRun): Tile[] {
  const { eval: kept, metric, loss, steps, rows, parameters, share, rowsPerSecond } = run;
  return [
    ...(kept === null ? [] : [
      { name: METRIC_TITLES[metric], value: points(kept.metrics[metric]!), detail: "in points" },
      { name: "loss, judging", value: kept.loss.toFixed(4), detail: "of the adapter kept" },
    ]),
    { name: "loss, learning", value: loss.toFixed(4), detail: "mean of the last epoch" },
    { name: "steps", value: count(steps), detail: `on ${counted(rows, "row")}` },
    { name: "parameters", value: count(parameters), detail: `${percent(share)} of the base` },
    { name: "speed", value: rowsPerSecond.toFixed(1), detail: "rows a second" },
  ];
}

function curves(run: TrainingRun): Html {
  const { steps, evaluations } = run.history;
  const mark = run.eval === null ? undefined : { step: run.eval.step, name: "kept" };
  const last = steps.length;
  const loss = spansOf(steps.map(({ loss }) => loss));
  const rate = spansOf(steps.map(({ learningRate }) => learningRate));
  const norm = spansOf(steps.map(({ gradientNorm }) => gradientNorm));
  const judged = evaluations.map(({ step, loss }) => ({ step, value: loss }));
  return html`
    <div class="figures">
    ${figureOf({
      title: "Loss",
      caption:
        "The band goes from the least to the most of neighbouring steps; the line is their " +
        "mean. A loss on the rows to judge by that rises again while the other falls is overfitting.",
      chart: html`${keyOf(judged.length > 0 ? [LEARNING, JUDGING] : [LEARNING])}${
        curveChart("Loss over the steps", {
          spans: { series: LEARNING, values: loss },
          points: [{ series: JUDGING, values: judged }],
          steps: last,
          mark,
          fromZero: true,
        })
      }`,
      tables: [spanTable("Loss while learning", loss)],
    })}${evaluations.length === 0 ? undefined : metricFigure(run, mark)}${figureOf({
      title: "Learning rate",
      caption: "The rate that each step was taken with.",
      chart: curveChart("Learning rate over the steps", {
        spans: { series: LEARNING, values: rate },
        steps: last,
        fromZero: true,
      }),
      tables: [spanTable("Learning rate", rate)],
    })}${figureOf({
      title: "Gradient norm",
      caption: "Of all gradients together, before it was clipped.",
      chart: curveChart("Gradient norm over the steps", {
        spans: { series: LEARNING, values: norm },
        steps: last,
        fromZero: true,
      }),
      tables: [spanTable("Gradient norm", norm)],
    })}</div>
  `;
}

function metricFigure(
  { metric, history }: TrainingRun,
  mark: { readonly step: number; readonly name: string } | undefined,
): Html {
  const { evaluations } = history;
  const names = metricNames(history.evaluations[0]!.metrics, metric);
  const series = names.map((name, i): Series => ({
    ...(i === 0 ? JUDGING : BESIDE),
    name: METRIC_TITLES[name],
  }));
  const lines = names.map((name, i) => ({
    series: series[i]!,
    values: evaluations.map(({ step, metrics }) => ({ step, value: POINTS * metrics[name]! })),
  }));
  return figureOf({
    title: "Metric, in points",
    caption: "On the rows to judge by.",
    chart: html`${keyOf(series)}${
      curveChart("Metric over the steps", {
        points: lines,
        steps: history.steps.length,
        mark,
        fromZero: false,
      })
    }`,
    tables: [{
      caption: "Evaluations",
      header: ["step", "epoch", "loss", ...names.map((name) => METRIC_TITLES[name])],
      rows: evaluations.map(({ step, epoch, loss, metrics }) => [
        count(step),
        epoch.toFixed(2),
        loss.toFixed(4),
        ...names.map((name) => points(metrics[name]!)),
      ]),
      classes: ["number", "number", "number", ...names.map(() => "number")],
    }],
  });
}

type MetricName = keyof typeof METRIC_TITLES;

/** The judged metric first. */
function metricNames(metrics: object, metric: MetricName): MetricName[] {
  const others = (Object.keys(metrics) as MetricName[]).filter((name) => name !== metric);
  return [metric, ...others];
}

function spanTable(caption: string, spans: readonly Span[]): Table {
  const every = Math.ceil(spans.length / TABLE_ROWS);
  return {
    caption,
    header: ["around step", "mean", "least", "most"],
    rows: spans.filter((_, i) => i % every === 0 || i === spans.length - 1)
      .map((
        { step, mean, low, high },
      ) => [count(Math.round(step)), ...[mean, low, high].map(significant)]),
    classes: ["number", "number", "number", "number"],
  };
}

function classFigure(classes: TrainingRun["classes"]): Html {
  const total = classes.reduce((sum, { rows }) => sum + rows, 0);
  const sorted = [...classes].sort((a, b) => b.rows - a.rows);
  const half = SHOWN_CLASSES / 2;
  const isCut = sorted.length > SHOWN_CLASSES;
  const shown = isCut ? [...sorted.slice(0, half), ...sorted.slice(-half)] : sorted;
  return figureOf({
    title: "Rows of each class",
    caption: isCut
      ? `The ${half} commonest and the ${half} rarest of ${count(classes.length)} classes.`
      : `Always answering the commonest class is right in ${percent(sorted[0]!.rows / total)}.`,
    chart: classChart("Rows of each class", shown),
    tables: [{
      caption: "Rows of each class",
      header: ["class", "rows", "share"],
      rows: classes.map(({ label, rows }) => [label, count(rows), percent(rows / total)]),
      classes: [undefined, "number", "number"],
    }],
  });
}

function settingsSection({ base, data, evalData, output, run }: TrainingReportData): Section {
  const rows: [string, string][] = [
    ["base", base],
    ["adapter", output],
    ["learnt from", data],
    ["judged by", evalData ?? "nothing"],
    ...Object.entries(run.settings).map(([name, value]): [string, string] => [
      name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
      String(value),
    ]),
  ];
  return {
    title: "How it was trained",
    body: tableOf({
      caption: "Settings",
      header: ["what", "which"],
      rows,
      classes: [undefined, "text"],
    }),
  };
}
