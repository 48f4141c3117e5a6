// The fake Hub's rules for a model card's front matter: a part of the real ones.

import { parse } from "yaml";

/** What the Hub finds in a card. */
export interface CardFindings {
  readonly errors: { readonly message: string }[];
  readonly warnings: { readonly message: string }[];
}

const RELATIONS = ["adapter", "merge", "quantized", "finetune"];

/** Checks a card's text as `/api/validate-yaml` and commits do. */
export function validateCard(content: string): CardFindings {
  const block = /^---[ \t]*\r?\n([\s\S]*?)\r?\n---[ \t]*(?:\r?\n|$)/.exec(content)?.[1];
  if (block === undefined) {
    return { errors: [], warnings: [{ message: "empty or missing yaml metadata in repo card" }] };
  }
  let metadata: unknown;
  try {
    metadata = parse(block, { schema: "core" });
  } catch (error) {
    const reason = error instanceof Error ? error.message.split("\n")[0] : "";
    return { errors: [{ message: `Invalid YAML: ${reason}` }], warnings: [] };
  }
  if (typeof metadata !== "object" || metadata === null || Array.isArray(metadata)) {
    return { errors: [{ message: "The metadata must be an object" }], warnings: [] };
  }
  return { errors: faultsOf(metadata as Record<string, unknown>), warnings: [] };
}

function faultsOf(metadata: Record<string, unknown>): { message: string }[] {
  const faults: { message: string }[] = [];
  const expect = (ok: boolean, message: string) => ok || faults.push({ message });
  const isId = (value: unknown) =>
    typeof value === "string" && /^[\w.-]+(?:\/[\w.-]+)?$/.test(value);
  const all = (value: unknown, test: (value: unknown) => boolean) =>
    Array.isArray(value) ? value.every(test) : test(value);
  const isText = (value: unknown) => typeof value === "string";
  const { license, tags, datasets } = metadata;
  const model = metadata["base_model"];
  const relation = metadata["base_model_relation"];
  expect(license === undefined || isText(license), '"license" must be a string');
  expect(model === undefined || all(model, isId), '"base_model" must be a model id');
  expect(datasets === undefined || all(datasets, isId), '"datasets" must be data set ids');
  expect(tags === undefined || all(tags, isText), '"tags" must be strings');
  expect(
    relation === undefined || RELATIONS.includes(String(relation)),
    `"base_model_relation" must be one of [${RELATIONS.join(", ")}]`,
  );
  for (const entry of asArray(metadata["model-index"])) {
    const { name, results } = (entry ?? {}) as Record<string, unknown>;
    expect(isText(name), '"model-index[0].name" is required');
    for (const result of asArray(results)) {
      const { task, dataset, metrics } = (result ?? {}) as Record<string, Record<string, unknown>>;
      expect(isText(task?.["type"]), '"model-index[0].results[0].task.type" is required');
      expect(isText(dataset?.["type"]), '"model-index[0].results[0].dataset.type" is required');
      expect(isText(dataset?.["name"]), '"model-index[0].results[0].dataset.name" is required');
      expect(Array.isArray(metrics), '"model-index[0].results[0].metrics" is required');
    }
  }
  return faults;
}

function asArray(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}
