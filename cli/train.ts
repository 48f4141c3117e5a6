/**
 * `tinygraft train`: an adapter and its classifier, on a frozen base.
 *
 * @module
 */

import { checkOutput, execute } from "../lib/checkpoint/execute.ts";
import { UsageError } from "../lib/errors.ts";
import { planReport } from "../lib/report/plan.ts";
import { quote } from "../lib/tensor/quote.ts";
import type { TrainEvent, TrainOptions, TrainResult } from "../lib/train/options.ts";
import { PLACEMENT_HELP } from "./adapter_flags.ts";
import type { Command, Invocation } from "./command.ts";
import { localData } from "./data_location.ts";
import { formatCount } from "./format.ts";
import { commandLine, reportEnvironment } from "./report.ts";
import { localModels, repositoryName } from "./remote.ts";
import { TRAIN_FLAGS, trainOptions } from "./train_flags.ts";
import { planOnly } from "./train_plan.ts";
import { MetricsFile } from "./train_metrics.ts";
import { TrainProgress } from "./train_progress.ts";
import { trainJson, trainText } from "./train_text.ts";

/** The command. */
export const train: Command = {
  name: "train",
  group: "Train",
  summary: "train an adapter and its classifier on labelled rows",
  description: "Trains tiny-attention heads and a classifier on the frozen base, and writes an " +
    "adapter folder.\nThe labels are those of --task, of --labels, or those that the rows have. " +
    "With --eval the best\nadapter is kept, by the task's metric after each epoch; without it, the " +
    "last one.\n\n" +
    "  plain      all heads at once: they come to do different things, so that averaging their\n" +
    "             weights loses accuracy; stacking them loses none\n" +
    "  mergeable  heads start alike; each step trains two of them, either in the place of all, to say\n" +
    "             the same, and draws all to their mean: averaging them into one loses next to\n" +
    "             nothing. Twice the work of a step\n\n" +
    "With --cloze and --verbalizer only the adapter is trained: the base's own head for masked tokens,\n" +
    "which stays as it is, answers with a word at [MASK]. The loss is the cross-entropy over the words\n" +
    "given, as in PET; the paper's authors took --cloze-loss vocabulary. predict and check read the result\n" +
    "with the same pattern and words.\n\n" +
    "The state is saved beside OUT every few steps. After Ctrl-C, a kill or a crash the same " +
    "command with\n--resume goes on, and ends with the same bytes as one that was not stopped.\n\n" +
    PLACEMENT_HELP,
  positionals: [
    { name: "BASE", help: "the base checkpoint, or hf://org/name; it is not changed" },
    { name: "OUT", help: "the adapter folder to write" },
  ],
  flags: TRAIN_FLAGS,
  examples: [
    {
      does: "GLUE's own files, heads that can be averaged afterwards",
      line:
        "tinygraft train base out --data train.tsv --eval dev.tsv --task sst2 --recipe mergeable",
    },
    {
      does: "classes of a file's own, a page with the curves",
      line: "tinygraft train base out --data t.csv --eval d.csv --text ask --label intent " +
        "--report out.html",
    },
    {
      does: "FewGLUE's 32 rows of CB, with the paper's settings for them",
      line: "tinygraft train base out --data CB/train.jsonl --eval CB/dev32.jsonl --task cb " +
        "\\\n      --cloze '{text}? || [MASK], {pair}' --verbalizer yes,no,maybe --heads 1 " +
        "\\\n      --epochs 20 --batch 1 --lr 1e-3 --weight-decay 0.02 --schedule constant --warmup 0",
    },
    {
      does: "beside the attention block, with the authors' dropout of attention",
      line: "tinygraft train base out --data t.csv --placement s0 --attention-dropout 0.1",
    },
    {
      does: "the same run for PyTorch, on machines with GPUs",
      line: "tinygraft train base mine --data train.csv --export-torch run",
    },
    {
      does: "stop when three evaluations brought nothing better; go on after a crash",
      line: "tinygraft train base mine --data train.csv --eval dev.csv --patience 3 --resume",
    },
  ],
  run: runTrain,
};

async function runTrain(invocation: Invocation): Promise<number> {
  const { flags, io, progress } = invocation;
  const options = await onThisMachine(trainOptions(invocation), invocation);
  if (flags.boolean("dry-run") || flags.given("export-torch")) {
    return await planOnly(options, invocation);
  }
  const inputs = [options.base, options.data, options.evalData, options.from]
    .filter((path) => path !== undefined);
  const report = flags.string("report");
  const metrics = flags.string("metrics");
  if (report !== undefined && report === metrics) {
    throw new UsageError(
      `Cannot write ${quote(report)} twice: --report and --metrics name the same file`,
    );
  }
  const force = options.force === true;
  // An output that cannot be written is found before the work, not after.
  checkOutput({ output: options.output, kind: "folder", inputs, files: [] }, { force });
  if (report !== undefined) checkOutput(planReport("", report, inputs), { force });
  using log = metrics === undefined
    ? undefined
    : new MetricsFile(metrics, inputs, force || options.resume === true);
  const watch = new TrainProgress(progress);
  const result = await trainWatched(options, watch, invocation, (event) => log?.write(event));
  progress.end();
  if (report !== undefined) {
    const page = await reportOf(result, options, invocation);
    await execute(planReport(page, report, inputs), { force, signal: io.signal });
  }
  invocation.print(
    trainJson(options.output, result),
    () => trainText(options.output, result),
  );
  return 0;
}

/** The same run with what is on the Hub pulled into the cache. */
async function onThisMachine(
  options: TrainOptions,
  invocation: Invocation,
): Promise<TrainOptions> {
  const { base, from, data, evalData } = options;
  const locations = from === undefined ? [base] : [base, from];
  const [localBase, localFrom] = await localModels(invocation, locations);
  return {
    ...options,
    base: localBase!,
    baseName: repositoryName(invocation, base),
    from: localFrom,
    data: await localData(invocation, data, "train"),
    evalData: evalData === undefined
      ? undefined
      : await localData(invocation, evalData, "validation"),
  };
}

async function trainWatched(
  options: TrainOptions,
  watch: TrainProgress,
  { io, progress }: Invocation,
  write: (event: TrainEvent) => void,
): Promise<TrainResult> {
  // Imported late: the runtime takes longer to load than most commands take to run.
  const { train } = await import("../lib/train/train.ts");
  try {
    return await train({
      ...options,
      onEvent: (event) => {
        write(event);
        watch.tell(event);
      },
    });
  } catch (error) {
    if (io.signal.aborted && watch.lastStep > 0) {
      progress.note(
        `Stopped after step ${watch.lastStep}: the same command with --resume goes on from there`,
      );
    }
    throw error;
  }
}

async function reportOf(
  result: TrainResult,
  { base, output, data, evalData }: TrainOptions,
  invocation: Invocation,
): Promise<string> {
  const { renderTrainingReport } = await import("../lib/report/training_report.ts");
  const { device: name, deviceDescription: description, rows, evalRows } = result;
  return await renderTrainingReport({
    run: result,
    ...{ base, output, data, evalData },
    command: commandLine(train, invocation),
    environment: [
      ...reportEnvironment({ name, description }),
      ["rows to learn from", formatCount(rows)],
      ["rows to judge by", formatCount(evalRows)],
    ],
  });
}
