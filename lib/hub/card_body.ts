/**
 * What a model card says to people, in Markdown.
 *
 * @module
 */

import type { CheckFacts } from "./card_check.ts";
import type { CardFacts } from "./card_facts.ts";

const SHOWN_HASH_DIGITS = 12;
const SHOWN_LABELS = 30;

/**
 * Writes the generated part of a card.
 *
 * @param facts What to say.
 * @returns Markdown without a final newline.
 */
export function cardBody(facts: CardFacts): string {
  const { check, mergedFrom, training } = facts;
  return [
    `# ${text(facts.name)}`,
    introduction(facts),
    ...training === undefined ? [] : ["## Training", trainingTable(training)],
    ...mergedFrom.length > 0 ? ["## Merge", mergeText(facts)] : [],
    ...check === undefined ? [] : [mergedFrom.length > 0 ? "## Cost" : "## Results", cost(check)],
    "## Use",
    usage(facts),
    "## Identity",
    identity(facts),
  ].join("\n\n");
}

/** Text from files, which may hold Markdown or markup, on one line. */
function text(value: string): string {
  return value.replace(/\s+/g, " ").replace(/[\\`*_[\]<>|#~]/g, "\\$&");
}

/** Code in a line; backquotes cannot stand in it. */
function code(value: string): string {
  return `\`${value.replace(/[\s`]+/g, " ").trim()}\``;
}

function heads(count: number | readonly number[]): string {
  if (typeof count === "number") return `${count}`;
  const [least, most] = [Math.min(...count), Math.max(...count)];
  return least === most ? `${least}` : `${least} to ${most}`;
}

function baseLink(baseModel: string | null): string {
  if (baseModel === null) return "a base whose name is not recorded";
  return /^[\w.-]+\/[\w.-]+$/.test(baseModel)
    ? `[${text(baseModel)}](https://huggingface.co/${baseModel})`
    : code(baseModel);
}

function introduction(facts: CardFacts): string {
  const { baseModel, numHeads, headDim, numLayers, parameters, task, isCheckpoint } = facts;
  const what = isCheckpoint ? "A model that carries a" : "A";
  const count = heads(numHeads);
  const lines = [
    `${what} [tiny-attention adapter](https://arxiv.org/abs/2211.01979) for ` +
    `${baseLink(baseModel)}: ${count} ${count === "1" ? "head" : "heads"} of width ${headDim} in ` +
    `each of ${numLayers} layers${facts.hasClassifier ? " and a classifier" : ""}, ` +
    `${parameters.toLocaleString("en")} parameters in all.`,
  ];
  if (!facts.hasClassifier) {
    lines.push("The base's own head answers, such as the one for masked tokens.");
  }
  if (task.type === "regression") lines.push("It gives a text, or a pair of texts, a score.");
  else if (task.labels !== null) {
    const shown = task.labels.slice(0, SHOWN_LABELS).map(code).join(", ");
    const more = task.labels.length - SHOWN_LABELS;
    lines.push(`Labels: ${shown}${more > 0 ? ` and ${more} more` : ""}.`);
  }
  if (task.dataset !== undefined) lines.push(`Trained on ${code(task.dataset)}.`);
  return lines.join("\n\n");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function trainingTable(training: Readonly<Record<string, unknown>>): string {
  const shown = (value: unknown) => typeof value === "string" ? value : JSON.stringify(value);
  return table(
    ["setting", "value"],
    Object.entries(training).map(([key, value]) => [text(key), text(shown(value))]),
  );
}

function mergeText({ mergedFrom, numHeads }: CardFacts): string {
  const rows = mergedFrom.map(({ contentHash, heads: before, method, weight }) => [
    code(contentHash.slice(0, SHOWN_HASH_DIGITS)),
    heads(before),
    text(method),
    `${Number(weight.toFixed(4))}`,
  ]);
  const sources = mergedFrom.length === 1 ? "one adapter" : `${mergedFrom.length} adapters`;
  return [
    `Merged from ${sources}; each layer has ${heads(numHeads)} heads now.`,
    table(["source (content hash)", "heads", "method", "weight"], rows),
  ].join("\n\n");
}

function cost({ examples, metric, before, after, drop, interval, p, agreement }: CheckFacts) {
  const percent = (value: number) => (100 * value).toFixed(2);
  const rows = Object.entries(after).map(([name, value]) => {
    const old = before[name];
    const [was, change] = old === undefined ? ["", ""] : [percent(old), percent(value - old)];
    return [text(name), was, percent(value), change];
  });
  const facts = [
    `Over ${examples.toLocaleString("en")} rows the ${text(metric)} ${movement(drop)}` +
    (interval === undefined
      ? ""
      : ` (95 % interval of the drop ${percent(interval[0])} to ${percent(interval[1])}, paired ` +
        "bootstrap)"),
    ...p === undefined ? [] : [`McNemar's exact test gives p = ${Number(p.toPrecision(3))}`],
    ...agreement === undefined ? [] : [`predictions agree on ${percent(agreement)} %`],
  ];
  return [table(["metric (%)", "before", "after", "change"], rows), `${facts.join("; ")}.`]
    .join("\n\n");
}

function movement(drop: number): string {
  const points = (100 * Math.abs(drop)).toFixed(2);
  if (drop === 0) return "stayed the same";
  return `went ${drop > 0 ? "down" : "up"} by ${points} points`;
}

function usage({ name, repository, baseModel, isCheckpoint, hasPython }: CardFacts): string {
  const folder = name.replace(/[^\w.-]+/g, "-") || "adapter";
  const base = baseModel !== null && /^[\w.-]+\/[\w.-]+$/.test(baseModel)
    ? `hf://${baseModel}`
    : "BASE";
  const predict = isCheckpoint
    ? `tinygraft predict ${folder} "a text"`
    : `tinygraft predict ${base} --adapter ${folder} "a text"`;
  return [
    "With tinygraft, after pulling this repository into a folder:",
    ["```sh", `tinygraft pull hf://${repository ?? `ORG/${folder}`} ${folder}`, predict, "```"]
      .join("\n"),
    ...hasPython ? pythonUsage(repository ?? `ORG/${folder}`) : [],
    "PEFT and AdapterHub cannot load it; libraries that do not know tiny attention ignore it.",
  ].join("\n\n");
}

function pythonUsage(repository: string): string[] {
  const lines = [
    "```python",
    "from transformers import AutoModelForSequenceClassification",
    "",
    "model = AutoModelForSequenceClassification.from_pretrained(",
    `    "${repository}", trust_remote_code=True`,
    ")",
    "```",
  ];
  const text = "In Python, with transformers, which runs `modeling_tiny_attention.py` of this " +
    "repository:";
  return [text, lines.join("\n")];
}

function identity({ contentHash, baseContentHash }: CardFacts): string {
  const rows = [["this adapter", code(contentHash)]];
  if (baseContentHash !== null) rows.push(["the base it was made for", code(baseContentHash)]);
  return table(["tensors of", "content hash (SHA-256)"], rows);
}
