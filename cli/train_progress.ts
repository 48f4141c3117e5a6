/**
 * What `train` shows while it runs: one live line, and a line for each evaluation.
 *
 * @module
 */

import { describeClasses } from "../lib/train/labels.ts";
import type { EvaluationEvent, StartEvent, StepEvent, TrainEvent } from "../lib/train/options.ts";
import { metricText } from "./train_text.ts";
import { formatCount, formatSeconds, formatShare, printable } from "./format.ts";
import type { Progress } from "./progress.ts";

/** How much of the shown loss is the last step's: single steps jump too much to be read. */
const NEWEST_SHARE = 0.05;

/** Follows the events of a run on the progress line. */
export class TrainProgress {
  readonly #progress: Progress;
  #steps = 0;
  #firstStep = 0;
  #lastStep = 0;
  #rows = 0;
  #loss = 0;
  #lossWeight = 0;
  #metric = "";
  #evaluating = 0;

  /**
   * Creates the follower.
   *
   * @param progress Where it writes.
   */
  constructor(progress: Progress) {
    this.#progress = progress;
  }

  /** Steps done, those of a continued run included; 0 before the first. */
  get lastStep(): number {
    return this.#lastStep;
  }

  /**
   * Takes one event.
   *
   * @param event What happened.
   */
  tell(event: TrainEvent): void {
    switch (event.kind) {
      case "start":
        return this.#start(event);
      case "step":
        return this.#step(event);
      case "evaluating":
        return this.#progress.update(event.done, event.total, "Evaluating", "rows");
      case "evaluation":
        return this.#evaluation(event);
    }
  }

  #start(event: StartEvent): void {
    this.#steps = event.steps;
    [this.#firstStep, this.#lastStep] = [event.resumedFrom, event.resumedFrom];
    const { rows, tokens, steps, classes, parameters, share, resumedFrom } = event;
    if (classes.length > 0) {
      this.#progress.note(printable(describeClasses(classes, event.inferred)));
    }
    const from = resumedFrom > 0 ? `, from step ${resumedFrom} on` : "";
    this.#progress.note(
      `${formatCount(rows)} rows, ${formatCount(tokens)} tokens, ${formatCount(steps)} steps` +
        `${from}; ${formatCount(parameters)} parameters, ${formatShare(share)} of the base, on ` +
        `${event.device} (${event.deviceDescription})`,
    );
  }

  #step(event: StepEvent): void {
    this.#lastStep = event.step;
    this.#rows += event.rows;
    this.#loss += NEWEST_SHARE * (event.loss - this.#loss);
    this.#lossWeight += NEWEST_SHARE * (1 - this.#lossWeight);
    this.#progress.show("Training", () => this.#line(event));
  }

  #line({ step, seconds }: StepEvent): string {
    const left = (seconds + this.#evaluating) * (this.#steps - step) / (step - this.#firstStep);
    return [
      `Training: step ${step} of ${this.#steps}`,
      `loss ${(this.#loss / this.#lossWeight).toFixed(4)}`,
      ...(this.#metric === "" ? [] : [this.#metric]),
      `${(this.#rows / seconds).toFixed(1)} rows/s`,
      `${formatSeconds(left)} left`,
    ].join(", ");
  }

  #evaluation({ step, epoch, loss, metrics, best, seconds }: EvaluationEvent): void {
    this.#evaluating += seconds;
    this.#metric = metricText(metrics);
    this.#progress.note(
      `Step ${step}, epoch ${epoch.toFixed(2)}: loss ${loss.toFixed(4)}, ${this.#metric}` +
        `${best ? ", best so far" : ""}`,
    );
  }
}
