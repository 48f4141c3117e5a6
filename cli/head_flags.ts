/**
 * The flags that say which head gives the outputs.
 *
 * @module
 */

import { UsageError } from "../lib/errors.ts";
import type { ClozeChoice, HeadChoice } from "../lib/eval/head.ts";
import { parseClozePattern } from "../lib/text/cloze_pattern.ts";
import type { Flag, FlagValues } from "./flags.ts";

/** The flags of a head. */
export const HEAD_FLAGS: readonly Flag[] = [
  {
    name: "head",
    kind: "string",
    value: "WHICH",
    choices: ["adapter", "base"],
    help: "adapter: its classifier; base: the head that the base was fine-tuned with",
  },
  {
    name: "cloze",
    kind: "string",
    value: "PATTERN",
    help: "ask the base's head for masked tokens: {text}, {pair}, [MASK], || splits a pair",
  },
  {
    name: "verbalizer",
    kind: "string",
    value: "WORDS",
    help: "the words that answer --cloze, in the labels' order: yes,no,maybe",
  },
];

/**
 * Reads the flags of a head.
 *
 * @param flags The flags of a command.
 * @returns The head; undefined where none is asked for.
 * @throws {UsageError} for one of `--cloze` and `--verbalizer` without the other, for `--head`
 * beside them, and for a pattern or words that are malformed.
 */
export function headChoice(flags: FlagValues): HeadChoice | undefined {
  const head = flags.string("head");
  const cloze = clozeChoice(flags);
  if (cloze === undefined) {
    return head === undefined ? undefined : { kind: head === "base" ? "base" : "adapter" };
  }
  if (head === undefined) return cloze;
  throw new UsageError(
    "Cannot use --head with --cloze: a cloze question is answered by the base's head for masked " +
      "tokens",
  );
}

/**
 * Reads the flags of a cloze question.
 *
 * @param flags The flags of a command.
 * @returns The question; undefined where none is asked.
 * @throws {UsageError} for one of `--cloze` and `--verbalizer` without the other, and for a pattern
 * or words that are malformed.
 */
export function clozeChoice(flags: FlagValues): ClozeChoice | undefined {
  const [pattern, words] = [flags.string("cloze"), flags.string("verbalizer")];
  if (pattern === undefined && words === undefined) return undefined;
  if (pattern === undefined || words === undefined) {
    const [given, wanted] = pattern === undefined
      ? ["--verbalizer", "--cloze PATTERN"]
      : ["--cloze", "--verbalizer WORDS"];
    throw new UsageError(`Cannot use ${given} alone: give ${wanted} with it`);
  }
  parseClozePattern(pattern); // a malformed one is found before any work
  const verbalizer = words.split(",").map((word) => word.trim());
  if (verbalizer.length < 2 || verbalizer.includes("")) {
    throw new UsageError(
      `Bad value "${words}" of --verbalizer: expected two words or more with commas between, one ` +
        "for each label",
    );
  }
  return { kind: "cloze", pattern, verbalizer };
}
