/**
 * The course of a run: steps, evaluations, saved states, and when it ends.
 *
 * @module
 */

import { InterruptedError, TinygraftError } from "../errors.ts";
import { countTokens } from "../eval/run.ts";
import { nextTurn } from "../turn.ts";
import { batchesOfEpoch, stepsOfRun, stepsPerEpoch } from "./batches.ts";
import { evaluate } from "./evaluate.ts";
import { AdamW, clipGradients } from "./optimizer.ts";
import type {
  EvaluationRecord,
  StepRecord,
  TrainingSettings,
  TrainOptions,
  TrainResult,
} from "./options.ts";
import { learningRateAt } from "./schedule.ts";
import type { TrainingSetup } from "./setup.ts";
import { hasState, loadState, saveState, type StepNumbers } from "./state.ts";
import { GradientComputer, pick } from "./step.ts";
import type { TensorValues } from "./trainable.ts";

/** Steps between saved states unless asked otherwise. */
const SAVE_EVERY = 50;

/** What a run came to. */
export interface CourseOutcome
  extends Pick<TrainResult, "steps" | "stoppedEarly" | "history" | "seconds" | "rowsPerSecond"> {
  /** The values to keep: those of the best evaluation, else the last ones. */
  readonly values: TensorValues;
  /** The evaluation of those values, if there was one. */
  readonly kept: EvaluationRecord | null;
  /** The mean loss of the last epoch's steps. */
  readonly loss: number;
}

/** One run from its first or a saved step to its end. */
export class TrainingCourse {
  readonly #setup: TrainingSetup;
  readonly #options: TrainOptions;
  readonly #settings: TrainingSettings;
  readonly #optimizer: AdamW;
  readonly #gradients: GradientComputer;
  readonly #stepsPerEpoch: number;
  readonly #totalSteps: number;
  #epoch: { readonly index: number; readonly batches: number[][] } | undefined;
  #steps: StepNumbers[] = [];
  #evaluations: EvaluationRecord[] = [];
  #best: TensorValues | undefined;
  #savedAt = 0;
  #seconds = 0;
  #rows = 0;

  /**
   * Makes room for the run.
   *
   * @param setup What it works on.
   * @param options What was asked for.
   * @param settings How it goes.
   */
  constructor(setup: TrainingSetup, options: TrainOptions, settings: TrainingSettings) {
    this.#setup = setup;
    this.#options = options;
    this.#settings = settings;
    this.#optimizer = new AdamW(setup.adapter.parameters);
    this.#gradients = new GradientComputer(setup.parts, setup.adapter, settings, setup.head);
    this.#stepsPerEpoch = stepsPerEpoch(setup.train.targets.length, settings.batch);
    this.#totalSteps = stepsOfRun(setup.train.targets.length, settings);
  }

  /**
   * Runs to the end.
   *
   * @returns The values to keep and what happened.
   * @throws {InterruptedError} when the signal is aborted; the state was saved.
   * @throws {TinygraftError} with code `diverged`, naming the step; `state-mismatch`.
   */
  async run(): Promise<CourseOutcome> {
    await this.#resume();
    this.#tellStart();
    try {
      await this.#steer();
    } catch (error) {
      if (error instanceof InterruptedError) await this.#save();
      throw error;
    }
    return this.#outcome();
  }

  async #resume(): Promise<void> {
    const { output, resume = false, onWarning } = this.#options;
    if (!hasState(output)) {
      if (resume) onWarning?.(`There is no state beside "${output}" to go on from: training anew`);
      return;
    }
    if (!resume) {
      onWarning?.(`The saved state of a stopped run beside "${output}" will be replaced`);
      return;
    }
    const { adapter, fingerprint } = this.#setup;
    const saved = await loadState(output, adapter, this.#optimizer, fingerprint);
    this.#steps = [...saved.steps];
    this.#evaluations = [...saved.evaluations];
    this.#best = saved.best;
    this.#savedAt = this.#steps.length;
  }

  #tellStart(): void {
    const { session, data, train, adapter, share } = this.#setup;
    this.#options.onEvent?.({
      kind: "start",
      steps: this.#totalSteps,
      resumedFrom: this.#steps.length,
      rows: data.train.rows.length,
      tokens: countTokens(train.encodings),
      classes: data.classes,
      inferred: data.inferred,
      parameters: adapter.parameterCount,
      share,
      device: session.backend.name,
      deviceDescription: session.backend.description,
    });
  }

  /** Takes step after step, with evaluations and saved states between them. */
  async #steer(): Promise<void> {
    const { saveEvery = SAVE_EVERY, signal } = this.#options;
    for (;;) {
      await nextTurn(); // signals are served between steps
      if (signal?.aborted) throw new InterruptedError();
      if (this.#isEvaluationDue()) await this.#evaluate();
      if (this.#stoppedEarly() || this.#steps.length >= this.#totalSteps) return;
      if (this.#steps.length >= this.#savedAt + saveEvery) await this.#save();
      await this.#step();
    }
  }

  async #step(): Promise<void> {
    const { adapter, train, data } = this.#setup;
    const { clip, elasticity, recipe, weightDecay } = this.#settings;
    const started = performance.now();
    const index = this.#steps.length;
    const rows = this.#rowsOf(index);
    const encodings = rows.map((row) => train.encodings[row]!);
    const batch = { encodings, targets: pick(train.targets, rows) };
    const loss = await this.#gradients.run(batch, index);
    const gradientNorm = clipGradients(adapter.parameters.map(({ gradient }) => gradient), clip);
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      throw diverged(index + 1, loss, gradientNorm, data.train.path);
    }
    const steps = this.#totalSteps;
    const learningRate = learningRateAt({ ...this.#settings, steps }, index);
    this.#optimizer.step({ learningRate, weightDecay });
    if (recipe === "mergeable") adapter.drawTogether(Math.min(1, learningRate * elasticity));
    this.#steps.push({ loss, learningRate, gradientNorm });
    this.#seconds += (performance.now() - started) / 1000;
    this.#rows += rows.length;
    this.#options.onEvent?.({
      kind: "step",
      ...this.#record(index),
      rows: rows.length,
      tokens: countTokens(encodings),
      seconds: this.#seconds,
    });
  }

  /** The rows of a step, counted from 0 over all epochs. */
  #rowsOf(step: number): readonly number[] {
    const index = Math.floor(step / this.#stepsPerEpoch);
    if (this.#epoch?.index !== index) {
      const lengths = this.#setup.train.encodings.map(({ ids }) => ids.length);
      const batches = batchesOfEpoch({ lengths, ...this.#settings }, index);
      this.#epoch = { index, batches };
    }
    return this.#epoch.batches[step % this.#stepsPerEpoch]!;
  }

  #record(index: number): StepRecord {
    return { step: index + 1, epoch: (index + 1) / this.#stepsPerEpoch, ...this.#steps[index]! };
  }

  #isEvaluationDue(): boolean {
    const step = this.#steps.length;
    const every = this.#options.evalEvery ?? this.#stepsPerEpoch;
    const isEnd = step === this.#totalSteps;
    return this.#setup.eval !== undefined && step > 0 && (isEnd || step % every === 0) &&
      this.#evaluations.at(-1)?.step !== step;
  }

  async #evaluate(): Promise<void> {
    const { parts, adapter, head, eval: rows, data } = this.#setup;
    const { onEvent, signal } = this.#options;
    const started = performance.now();
    const { loss, metrics } = await evaluate(parts, adapter, rows!, {
      metrics: [data.metric, ...data.alsoReport],
      head,
      signal,
      onProgress: (done, total) => onEvent?.({ kind: "evaluating", done, total }),
    });
    const { metric } = data;
    const before = Math.max(-Infinity, ...this.#evaluations.map((each) => each.metrics[metric]!));
    const best = metrics[metric]! > before;
    if (best) this.#best = adapter.values();
    const step = this.#steps.length;
    const record = { step, epoch: step / this.#stepsPerEpoch, loss, metrics, best };
    this.#evaluations.push(record);
    const seconds = (performance.now() - started) / 1000;
    onEvent?.({ kind: "evaluation", ...record, seconds });
  }

  /** Whether the last evaluations brought nothing better for too long. */
  #stoppedEarly(): boolean {
    const { patience } = this.#options;
    const sinceBest = this.#evaluations.length - 1 -
      this.#evaluations.findLastIndex(({ best }) => best);
    return patience !== undefined && this.#evaluations.length > 0 && sinceBest >= patience;
  }

  async #save(): Promise<void> {
    const { adapter, fingerprint } = this.#setup;
    const progress = {
      steps: this.#steps,
      evaluations: this.#evaluations,
      best: this.#best,
    };
    await saveState(this.#options.output, adapter, this.#optimizer, progress, fingerprint);
    this.#savedAt = this.#steps.length;
  }

  #outcome(): CourseOutcome {
    const steps = this.#steps.map((_, index) => this.#record(index));
    const lastEpoch = steps.slice(-this.#stepsPerEpoch);
    return {
      values: this.#best ?? this.#setup.adapter.values(),
      kept: this.#evaluations.findLast(({ best }) => best) ?? null,
      loss: lastEpoch.reduce((sum, { loss }) => sum + loss, 0) / lastEpoch.length,
      steps: steps.length,
      stoppedEarly: steps.length < this.#totalSteps,
      history: { steps, evaluations: this.#evaluations },
      seconds: this.#seconds,
      rowsPerSecond: this.#seconds > 0 ? this.#rows / this.#seconds : 0,
    };
  }
}

function diverged(step: number, loss: number, norm: number, path: string): TinygraftError {
  return new TinygraftError(
    `Cannot go on training on "${path}": at step ${step} the loss is ${loss} and the norm of the ` +
      `gradient ${norm}, expected finite numbers: lower the learning rate or warm up for longer`,
    { code: "diverged" },
  );
}
