/**
 * The model card of an adapter: front matter for the Hub, and a body that says what it is, what its
 * merge cost and how to use it.
 *
 * @module
 */

import { cardBody } from "./card_body.ts";
import type { CheckFacts } from "./card_check.ts";
import type { CardFacts } from "./card_facts.ts";
import { changeFrontMatter, splitCard } from "./front_matter.ts";

/** The first line of what is generated. */
export const GENERATED_BEGIN =
  "<!-- tinygraft: generated from here on; text of your own goes below the end mark -->";
/** The line behind what is generated. */
export const GENERATED_END = "<!-- tinygraft: end of what is generated -->";
/** The lines around the place that is there for the user's own text. */
const OWN_TEXT = "<!-- your text: begin -->\n\n<!-- your text: end -->";
const HUB_ID = /^[\w.-]+\/[\w.-]+$/;

/** Names of metrics as the Hub's tools spell them. */
const METRIC_TYPES: ReadonlyMap<string, string> = new Map([
  ["matthews", "matthews_correlation"],
  ["pearson", "pearsonr"],
  ["spearman", "spearmanr"],
]);

/**
 * Writes a card, or brings one up to date: what is generated is replaced, all else stays as it is.
 *
 * @param before The text of README.md; "" where there is none.
 * @param facts What to say.
 * @param path The card, for messages.
 * @returns The new text.
 * @throws {TinygraftError} with `card-invalid` when the front matter cannot be read, or what it says
 * would be refused by the Hub.
 *
 * @example A new card
 * ```ts
 * import { writeCard } from "tinygraft";
 * import { assertStringIncludes } from "@std/assert";
 *
 * const facts = {
 *   name: "my-adapter",
 *   baseModel: "org/base",
 *   baseContentHash: null,
 *   contentHash: "0".repeat(64),
 *   ...{ numHeads: 4, headDim: 1, numLayers: 6, parameters: 30_000, hasClassifier: true },
 *   task: { type: "classification" as const, labels: ["no", "yes"] },
 *   isCheckpoint: false,
 *   mergedFrom: [],
 * };
 * const card = await writeCard("", facts, "README.md");
 * assertStringIncludes(card, "base_model: org/base");
 * ```
 */
export async function writeCard(
  before: string,
  facts: CardFacts,
  path: string,
): Promise<string> {
  const { yaml, body } = splitCard(before);
  const front = await changeFrontMatter(yaml, frontMatterOf(facts), path);
  const generated = `${GENERATED_BEGIN}\n${cardBody(facts)}\n${GENERATED_END}`;
  const begin = body.indexOf(GENERATED_BEGIN);
  const end = body.indexOf(GENERATED_END, begin);
  if (begin >= 0 && end >= 0) {
    const rest = body.slice(end + GENERATED_END.length);
    return `---\n${front}---\n${body.slice(0, begin)}${generated}${rest}`;
  }
  const own = body.trim() === "" ? OWN_TEXT : body.trim();
  const parts = body.trim() === "" ? [generated, own] : [own, generated];
  return `---\n${front}---\n\n${parts.join("\n\n")}\n`;
}

function frontMatterOf(facts: CardFacts) {
  const { baseModel, isCheckpoint, check, license } = facts;
  const dataset = datasetOf(facts);
  const set = new Map<string, unknown>();
  const fill = new Map<string, unknown>();
  if (baseModel !== null && HUB_ID.test(baseModel)) {
    set.set("base_model", baseModel);
    set.set("base_model_relation", isCheckpoint ? "finetune" : "adapter");
  }
  set.set("library_name", "tinygraft");
  if (license !== undefined) fill.set("license", license);
  fill.set("pipeline_tag", "text-classification");
  const add = new Map([["tags", ["tiny-attention", "adapter"]]]);
  if (dataset !== undefined && HUB_ID.test(dataset.id)) add.set("datasets", [dataset.id]);
  if (check !== undefined) {
    const types = Object.keys(check.after).map(metricType);
    add.set("metrics", types);
    if (dataset !== undefined) set.set("model-index", modelIndex(facts, check, dataset));
  }
  return { set, fill, add };
}

function metricType(name: string): string {
  return METRIC_TYPES.get(name) ?? name;
}

/** A data set as the Hub names it. */
interface Dataset {
  readonly id: string;
  readonly part: string | undefined;
}

/** GLUE is known by its short name; other names are ids where they look like one. */
function datasetOf({ dataset, task }: CardFacts): Dataset | undefined {
  const name = dataset ?? task.dataset;
  if (name === undefined) return undefined;
  const glue = /^glue\/(\w+)$/.exec(name)?.[1];
  if (glue !== undefined) return { id: "nyu-mll/glue", part: glue };
  const [, id, part] = /^([\w.-]+\/[\w.-]+)(?:\/([\w.-]+))?$/.exec(name) ?? [];
  return dataset === undefined || id === undefined ? undefined : { id, part };
}

/** The published adapter's own figures. */
function modelIndex({ name }: CardFacts, { after }: CheckFacts, { id, part }: Dataset) {
  const metrics = Object.entries(after).map(([metric, value]) => ({
    type: metricType(metric),
    value: Number(value.toFixed(6)),
  }));
  const dataset = { type: id, name: part ?? id, ...(part === undefined ? {} : { config: part }) };
  return [{ name, results: [{ task: { type: "text-classification" }, dataset, metrics }] }];
}
