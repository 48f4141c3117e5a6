/**
 * `tinygraft check`: what a merge cost, measured.
 *
 * @module
 */

import { CHECK_FLAGS, checkMode } from "./check_flags.ts";
import type { Command } from "./command.ts";

/** The command. */
export const check: Command = {
  name: "check",
  group: "Merge and check",
  summary: "compare accuracy before and after a merge on the same rows",
  description:
    "Runs two adapters over the same rows in one pass and compares their metric. Fails (exit 1)\n" +
    "when the metric drops by more than --max-drop. BASE may carry an adapter, and --before and\n" +
    "--after may be checkpoints made by inject.\n\nThe outputs are those of the adapters' " +
    "classifiers. --head base takes the head that BASE was\nfine-tuned with; --cloze and " +
    "--verbalizer ask its head for masked tokens for a word at [MASK],\nas PET does. Long texts " +
    "are shortened to fit, the pattern never.\n\nMany machines: each runs a --shard, every N-th " +
    "row, into a file of --predictions; --combine\njudges all files as if one machine had run " +
    "them, and names rows that are missing. --config runs\nthe checks of a tinygraft.yaml, " +
    "whose keys are the names of these flags; the others run when one fails.\nIn a job of GitHub " +
    "Actions failures become annotations, and the outcome a part of its summary.\n\nAn identical check (content of base, adapters and " +
    "data, options, version, device as asked)\nis taken from the cache folder; --no-cache runs " +
    "it again. Metrics within 1e-6 of a --baseline's\ncount as equal to it.",
  positionals: [
    { name: "BASE", help: "the base checkpoint, or hf://org/name", optional: true },
    { name: "FILE", help: "with --combine: more predictions", optional: true, many: true },
  ],
  flags: CHECK_FLAGS,
  examples: [
    {
      does: "fail when averaging the heads costs more than one point",
      line: "tinygraft check mini/encoder --before mini/adapter --after merged --data dev.tsv",
    },
    {
      does: "GLUE's own file and metric, half a point",
      line: "tinygraft check base --before a --after b --data CoLA/dev.tsv --task cola " +
        "--max-drop 0.005",
    },
    {
      does: "a page with intervals, confusion, confidence and flipped examples",
      line: "tinygraft check base --before a --after b --data dev.tsv --report check.html",
    },
    {
      does: "FewGLUE's CB as a cloze question, on a base with a head for masked tokens",
      line: "tinygraft check base --before a --after b --data CB/val.jsonl --task cb " +
        "\\\n      --cloze '{text}? || [MASK], {pair}' --verbalizer yes,no,maybe",
    },
    {
      does: "the second of seven machines, and the verdict over all of them",
      line: "tinygraft check base --before a --after b --data dev.tsv --shard 2/7 \\\n      " +
        "--predictions part-2.jsonl\n  tinygraft check --combine part-*.jsonl --max-drop 0.005",
    },
    {
      does: "every check of a file, with a record for the build server",
      line: "tinygraft check --config tinygraft.yaml --junit check.xml",
    },
  ],
  async run(invocation) {
    switch (checkMode(invocation.flags, invocation.args)) {
      case "one":
        return await (await import("./check_one.ts")).runOneCheck(invocation);
      case "shard":
        return await (await import("./check_one.ts")).runShard(invocation);
      case "combine":
        return await (await import("./check_combine.ts")).runCombine(invocation);
      case "config":
        return await (await import("./check_config.ts")).runConfig(invocation);
    }
  },
};
