/**
 * `tinygraft card`: README.md of an adapter, for people and for the Hub.
 *
 * @module
 */

import { basename, join, resolve } from "@std/path";
import { type Adapter, openAdapter } from "../lib/adapter/open.ts";
import { execute } from "../lib/checkpoint/execute.ts";
import type { Plan } from "../lib/checkpoint/plan.ts";
import { readJsonFile, readTextFile, statPath } from "../lib/checkpoint/sources.ts";
import { UsageError } from "../lib/errors.ts";
import type { CardFacts } from "../lib/hub/card_facts.ts";
import { isObject } from "../lib/safetensors/json_objects.ts";
import type { Command, Invocation } from "./command.ts";
import { printable } from "./format.ts";

const CARD = "README.md";
const HUB_ID = /^[\w.-]+\/[\w.-]+$/;

/** The command. */
export const card: Command = {
  name: "card",
  group: "Hub",
  summary: "write or refresh the model card of an adapter",
  description:
    "Writes README.md: front matter that the Hub understands, what the adapter is, what it was\n" +
    "merged from, what that cost (--check takes the JSON of tinygraft check), and how to use it.\n" +
    "Only what stands between its own marks is replaced; your text and your keys stay.",
  positionals: [{ name: "DIR", help: "an adapter folder, or a checkpoint that carries one" }],
  flags: [
    { name: "check", kind: "string", value: "FILE", help: "what tinygraft check --json printed" },
    { name: "base", kind: "string", value: "ORG/NAME", help: "the base on the Hub" },
    { name: "dataset", kind: "string", value: "ID", help: "as nyu-mll/glue/sst2" },
    { name: "license", kind: "string", value: "ID", help: "as apache-2.0; a stated one stays" },
    { name: "name", kind: "string", value: "TEXT", help: "the model's name (default: DIR's)" },
    { name: "dry-run", kind: "boolean", help: "print the card and write nothing" },
  ],
  examples: [
    {
      does: "with what the merge cost",
      line: "tinygraft card merged --check check.json --base google-bert/bert-base-uncased",
    },
    { does: "look at it first", line: "tinygraft card merged --dry-run" },
  ],
  async run(invocation: Invocation) {
    const [folder] = invocation.args as [string];
    const { flags, io } = invocation;
    const base = flags.string("base");
    if (base !== undefined && !HUB_ID.test(base)) {
      throw new UsageError(`Bad value "${base}" of --base: expected a model of the Hub, org/name`);
    }
    const path = join(folder, CARD);
    const { text, isNew } = await renderCard(folder, {
      ...(base === undefined ? {} : { base }),
      name: flags.string("name"),
      check: flags.string("check"),
      dataset: flags.string("dataset"),
      license: flags.string("license"),
    });
    const dryRun = flags.boolean("dry-run");
    if (!dryRun) await execute(planCard(text, path), { force: true, signal: io.signal });
    const verb = isNew ? "Wrote" : "Refreshed";
    invocation.print(
      { path, new: isNew, dryRun, ...(dryRun ? { text } : {}) },
      () => dryRun ? text.trimEnd() : `${verb} ${printable(path)}`,
    );
    return 0;
  },
};

function planCard(text: string, output: string): Plan {
  const bytes = new TextEncoder().encode(text);
  return {
    output,
    kind: "file",
    inputs: [],
    files: [{ kind: "bytes", path: "", bytes, origin: "card" }],
  };
}

/** What a card says beside what the adapter itself tells. */
export interface CardOptions {
  /** The base on the Hub, `org/name`. */
  readonly base?: string;
  /** The repository that it is pushed to, `org/name`. */
  readonly repository?: string | undefined;
  /** The model's name, that of its folder unless given. */
  readonly name?: string | undefined;
  /** Path of a check's JSON. */
  readonly check?: string | undefined;
  /** The data set's id. */
  readonly dataset?: string | undefined;
  /** The licence's id. */
  readonly license?: string | undefined;
  /** Whether code for Python goes with it; else it is looked for in the folder. */
  readonly hasPython?: boolean | undefined;
}

/**
 * Renders the card of a folder.
 *
 * @param folder An adapter folder, or a checkpoint that carries an adapter.
 * @param options What to say beside what the adapter tells.
 * @returns The text, and whether there was none before.
 * @throws {TinygraftError} as `openAdapter` does, or with `card-invalid` or `invalid-json`.
 */
export async function renderCard(
  folder: string,
  options: CardOptions,
): Promise<{ text: string; isNew: boolean }> {
  const [{ writeCard }, { readCheck }] = await Promise.all([
    import("../lib/hub/card.ts"),
    import("../lib/hub/card_check.ts"),
  ]);
  using adapter = await openAdapter(folder, { withoutClassifier: true });
  const { check } = options;
  const facts: CardFacts = {
    ...await factsOf(adapter, folder, options),
    check: check === undefined ? undefined : readCheck(await readJsonFile(check), check),
  };
  const path = join(folder, CARD);
  const before = statPath(path) === undefined ? undefined : await readTextFile(path);
  return { text: await writeCard(before ?? "", facts, path), isNew: before === undefined };
}

async function factsOf(
  adapter: Adapter,
  folder: string,
  { base, repository, name, dataset, license, hasPython }: CardOptions,
): Promise<CardFacts> {
  const { config, tensors, embedded } = adapter;
  const { task, numHeads, headDim, numHiddenLayers, baseModelSha256 } = config;
  const training = config.extra.get("training");
  let parameters = 0;
  for (const { shape } of tensors.values()) parameters += shape.reduce((a, b) => a * b, 1);
  return {
    repository,
    name: name ?? basename(resolve(folder)),
    baseModel: base ?? nameOfBase(config.baseModelNameOrPath),
    baseContentHash: baseModelSha256,
    contentHash: await adapter.contentHash(),
    ...{ numHeads, headDim, numLayers: numHiddenLayers, parameters, task },
    isCheckpoint: embedded,
    hasClassifier: adapter.numLabels > 0,
    hasPython: hasPython ?? statPath(join(folder, "modeling_tiny_attention.py")) !== undefined,
    mergedFrom: config.mergedFrom ?? [],
    training: isObject(training) ? training : undefined,
    ...{ dataset, license },
  };
}

/** Of a path on this machine only the last part is anybody's business. */
function nameOfBase(name: string | null): string | null {
  if (name === null) return null;
  const isId = HUB_ID.test(name) && statPath(name) === undefined;
  return isId ? name : basename(name);
}
