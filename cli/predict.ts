/**
 * `tinygraft predict`: labels and probabilities of texts.
 *
 * @module
 */

import { UsageError } from "../lib/errors.ts";
import type { PredictResult } from "../lib/eval/predict.ts";
import type { Command, Invocation } from "./command.ts";
import { formatTable, printable } from "./format.ts";
import { HEAD_FLAGS, headChoice } from "./head_flags.ts";
import { localData } from "./data_location.ts";
import { localModels } from "./remote.ts";
import { DATA_FLAGS, RUN_FLAGS, runOptions } from "./run_flags.ts";

const SHOWN_TEXT_LENGTH = 60;

/** The command. */
export const predict: Command = {
  name: "predict",
  group: "Merge and check",
  summary: "label, probabilities and logits of texts",
  description:
    "Classifies the rows of a file, or the texts given as arguments, with --adapter or the " +
    "adapter\nthat BASE carries (a checkpoint made by inject). Without either BASE runs as it was " +
    "fine-tuned,\nwith its own head. --cloze and --verbalizer ask BASE's head for masked tokens; " +
    "without an adapter\nthe words are the labels.",
  positionals: [
    { name: "BASE", help: "the base checkpoint, or hf://org/name" },
    {
      name: "TEXT",
      help: "texts to classify, where there is no --data",
      optional: true,
      many: true,
    },
  ],
  flags: [
    {
      name: "adapter",
      kind: "string",
      value: "DIR",
      help: "the adapter (default: the one BASE carries)",
    },
    {
      name: "data",
      kind: "string",
      value: "FILE",
      help: "rows to classify: .tsv, .csv, .jsonl, .parquet, hf://datasets/org/name/config:split",
    },
    ...DATA_FLAGS,
    ...HEAD_FLAGS,
    ...RUN_FLAGS,
  ],
  examples: [
    {
      does: "one sentence",
      line: 'tinygraft predict mini/encoder --adapter mini/adapter "where is my parcel"',
    },
    {
      does: "a file, as JSON",
      line: "tinygraft predict injected --data dev.tsv --text sentence --json",
    },
    {
      does: "a cloze question without an adapter, on a base with a head for masked tokens",
      line:
        "tinygraft predict base --cloze '{text} It was [MASK].' --verbalizer bad,good \"I cried\"",
    },
  ],
  async run(invocation: Invocation) {
    const [location, ...texts] = invocation.args as [string, ...string[]];
    const data = invocation.flags.string("data");
    if ((data === undefined) === (texts.length === 0)) {
      throw new UsageError(
        "Cannot tell what to classify: give either --data FILE or one TEXT or more",
      );
    }
    const ofFiles = DATA_FLAGS.find(({ name }) => invocation.flags.given(name));
    if (data === undefined && ofFiles !== undefined) {
      throw new UsageError(
        `Cannot use --${ofFiles.name} with TEXT: it is about the rows of --data`,
      );
    }
    const head = headChoice(invocation.flags);
    const options = runOptions(invocation, "Classifying", data);
    const [base, adapter] = await localModels(invocation, [
      location,
      ...invocation.flags.has("adapter") ? [invocation.flags.required("adapter")] : [],
    ]);
    // Imported late: the runtime takes longer to load than most commands take to run.
    const { predictRows } = await import("../lib/eval/predict.ts");
    const result = await predictRows({
      ...options,
      base: base!,
      adapter,
      head,
      texts,
      ...(data === undefined ? {} : { data: await localData(invocation, data, "validation") }),
    });
    invocation.progress.end();
    const { rows: _, ...document } = result;
    invocation.print(document, () => textOf(result));
    return 0;
  },
};

function textOf({ rows, predictions }: PredictResult): string {
  const lines = predictions.map(({ label, probabilities }, index) => {
    const row = rows[index]!;
    const score = typeof label === "number" && probabilities === null ? label.toFixed(4) : label;
    const best = probabilities === null ? "" : `${(100 * Math.max(...probabilities)).toFixed(1)} %`;
    return [String(score), best, shorten(row.pair ? `${row.text} | ${row.pair}` : row.text)];
  });
  return formatTable(["label", "probability", "text"], lines, ["left", "right"]);
}

function shorten(text: string): string {
  const characters = [...printable(text)];
  if (characters.length <= SHOWN_TEXT_LENGTH) return characters.join("");
  return `${characters.slice(0, SHOWN_TEXT_LENGTH - 1).join("")}…`;
}
