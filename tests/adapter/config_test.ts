// deno-lint-ignore-file camelcase -- the keys are spelled as in the JSON
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type AdapterConfig,
  checkAdapterConfig,
  formatAdapterConfig,
  headsOfLayer,
  numLabels,
  parseAdapterConfig,
  unknownKeys,
} from "../../lib/adapter/config.ts";
import { PLACEMENT_NAMES } from "../../lib/adapter/placement.ts";
import { TinygraftError } from "../../lib/errors.ts";

const PATH = "a/adapter_config.json";
const HASH = "0123456789abcdef".repeat(4);

function valid(): Record<string, unknown> {
  return {
    adapter_type: "TINY_ATTENTION",
    base_model_name_or_path: "org/base",
    base_model_sha256: null,
    base_model_type: "bert",
    combine: "sum",
    format_version: 1,
    head_dim: 2,
    hidden_size: 8,
    layer_norm_eps: 1e-5,
    num_heads: 4,
    num_hidden_layers: 3,
    placement: "after_attention",
    pooling: "first_token",
    task: { dataset: "glue/sst2", labels: ["no", "yes"], type: "classification" },
    tinygraft_version: "0.0.0",
  };
}

function refusal(json: Record<string, unknown>): TinygraftError {
  return assertThrows(() => parseAdapterConfig(json, PATH), TinygraftError);
}

Deno.test("parseAdapterConfig() reads every key", () => {
  const json = { ...valid(), base_model_sha256: HASH, num_heads: [1, 2, 3] };
  const merged = [{ content_hash: HASH, heads: [4, 4, 4], method: "average", weight: 0.5 }];
  assertEquals(parseAdapterConfig({ ...json, merged_from: merged, notes: { a: 1 } }, PATH), {
    baseModelNameOrPath: "org/base",
    baseModelType: "bert",
    hiddenSize: 8,
    numHiddenLayers: 3,
    numHeads: [1, 2, 3],
    headDim: 2,
    combine: "sum",
    placement: "after_attention",
    layerNormEps: 1e-5,
    task: { type: "classification", labels: ["no", "yes"], dataset: "glue/sst2" },
    pooling: "first_token",
    baseModelSha256: HASH,
    mergedFrom: [{ contentHash: HASH, heads: [4, 4, 4], method: "average", weight: 0.5 }],
    tinygraftVersion: "0.0.0",
    extra: new Map([["notes", { a: 1 }]]),
  });
});

Deno.test("parseAdapterConfig() takes absent nullable keys as null", () => {
  const { base_model_sha256: _1, base_model_name_or_path: _2, ...json } = valid();
  const config = parseAdapterConfig(json, PATH);
  assertEquals([config.baseModelSha256, config.baseModelNameOrPath], [null, null]);
});

Deno.test("parseAdapterConfig() names PEFT and AdapterHub", () => {
  const peft = refusal({ peft_type: "LORA", r: 8 });
  assertEquals([peft.code, peft.path], ["not-an-adapter", PATH]);
  assertStringIncludes(peft.message, "PEFT");
  const hub = refusal({ config: {}, hidden_size: 8, model_class: "BertModel", name: "x" });
  assertEquals(hub.code, "not-an-adapter");
  assertStringIncludes(hub.message, "AdapterHub");
  // Ours by type, but PEFT would load it as its own.
  assertEquals(refusal({ ...valid(), peft_type: "LORA" }).code, "not-an-adapter");
  assertEquals(refusal({ ...valid(), adapter_type: "tiny" }).code, "not-an-adapter");
  assertEquals(refusal({}).code, "not-an-adapter");
});

Deno.test("parseAdapterConfig() refuses the format of a newer version before anything else", () => {
  const error = refusal({ ...valid(), format_version: 2, hidden_size: "?" });
  assertEquals(error.code, "unsupported-format-version");
  assertStringIncludes(error.message, "format_version is 2, expected at most 1");
});

Deno.test("parseAdapterConfig() refuses each unusable value by its key", () => {
  const bad: [string, unknown][] = [
    ["format_version", "1"],
    ["format_version", 0],
    ["base_model_name_or_path", 3],
    ["base_model_type", ""],
    ["hidden_size", 0],
    ["hidden_size", 8.5],
    ["hidden_size", "8"],
    ["num_hidden_layers", -1],
    ["num_hidden_layers", 1e9],
    ["num_heads", [4, 4]],
    ["num_heads", [4, 4, 0]],
    ["num_heads", null],
    ["head_dim", 2 ** 60],
    ["combine", "max"],
    ["placement", "seq"],
    ["layer_norm_eps", 0],
    ["layer_norm_eps", "1e-5"],
    ["task", []],
    ["pooling", "mean"],
    ["base_model_sha256", "abc"],
    ["base_model_sha256", HASH.toUpperCase()],
    ["merged_from", {}],
    ["merged_from", [{ content_hash: HASH, heads: 4, method: "average", weight: "all" }]],
    ["tinygraft_version", undefined],
  ];
  for (const [key, value] of bad) {
    const error = refusal({ ...valid(), [key]: value });
    assertEquals([key, error.code], [key, "invalid-adapter-config"]);
    assertStringIncludes(error.message, key);
    assertStringIncludes(error.message, PATH);
  }
});

Deno.test("parseAdapterConfig() refuses labels that cannot name rows", () => {
  const tasks = [
    { type: "classification" },
    { type: "classification", labels: [] },
    { type: "classification", labels: ["a", "a"] },
    { type: "classification", labels: ["a", 1] },
    { type: "regression", labels: ["a", "b"] },
    { type: "ranking", labels: null },
    { type: "regression", labels: null, dataset: 1 },
  ];
  for (const task of tasks) {
    const error = refusal({ ...valid(), task });
    assertEquals(error.code, "invalid-adapter-config");
    assertStringIncludes(error.message, "task.");
  }
});

Deno.test("parseAdapterConfig() keeps a hostile value out of the message's lines", () => {
  const { message } = refusal({ ...valid(), combine: "x\n\u202eerror\u001b[31m" });
  assert(!/\p{C}/u.test(message), message);
});

Deno.test("checkAdapterConfig() lists every fault", () => {
  const json = { ...valid(), head_dim: 0, combine: "max", task: { type: "x", labels: 1 } };
  const { config, faults } = checkAdapterConfig(json, PATH);
  assertEquals(config, undefined);
  const keys = faults.map(({ message }) => /: ([a-z_.]+) /.exec(message)?.[1]);
  assertEquals(keys, ["head_dim", "combine", "task.type", "task.labels"]);
});

Deno.test("formatAdapterConfig() writes the text that the reference writes", () => {
  const text = formatAdapterConfig(parseAdapterConfig(valid(), PATH));
  assertEquals(
    text,
    `{
  "adapter_type": "TINY_ATTENTION",
  "base_model_name_or_path": "org/base",
  "base_model_sha256": null,
  "base_model_type": "bert",
  "combine": "sum",
  "format_version": 1,
  "head_dim": 2,
  "hidden_size": 8,
  "layer_norm_eps": 0.00001,
  "num_heads": 4,
  "num_hidden_layers": 3,
  "placement": "after_attention",
  "pooling": "first_token",
  "task": {
    "dataset": "glue/sst2",
    "labels": [
      "no",
      "yes"
    ],
    "type": "classification"
  },
  "tinygraft_version": "0.0.0"
}
`,
  );
});

Deno.test("formatAdapterConfig() keeps unknown keys at every place and unknownKeys() lists them", () => {
  const text = JSON.stringify({
    ...valid(),
    "10": [1, { z: 1, a: null }],
    "task": { type: "regression", labels: null, split: "dev" },
    "merged_from": [{ content_hash: HASH, heads: 4, method: "average", weight: 1, by: "me" }],
  }).replace("{", '{"__proto__":{"x":1},'); // as an own key, which only JSON can make
  const json = JSON.parse(text);
  const config = parseAdapterConfig(json, PATH);
  assertEquals(
    new Set(unknownKeys(config)),
    new Set(["10", "__proto__", "task.split", "merged_from[0].by"]),
  );
  const back = JSON.parse(formatAdapterConfig(config));
  assertEquals(back, json);
  assertEquals(Object.hasOwn(back, "__proto__"), true);
});

Deno.test("formatAdapterConfig() is undone by parseAdapterConfig()", () => {
  const name = fc.string({ unit: "binary", minLength: 1 }).filter((text) => text.isWellFormed());
  const heads = fc.oneof(
    fc.integer({ min: 1, max: 64 }),
    fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 3, maxLength: 3 }),
  );
  const hash = fc.constantFrom(HASH, null);
  const config: fc.Arbitrary<AdapterConfig> = fc.record({
    baseModelNameOrPath: fc.option(name),
    baseModelType: name,
    hiddenSize: fc.integer({ min: 1, max: 2 ** 40 }),
    numHiddenLayers: fc.constant(3),
    numHeads: heads,
    headDim: fc.integer({ min: 1, max: 64 }),
    combine: fc.constantFrom("sum", "mean"),
    placement: fc.constantFrom(...PLACEMENT_NAMES),
    layerNormEps: fc.double({ min: 1e-300, max: 1, noNaN: true }),
    task: fc.oneof(
      fc.record({
        type: fc.constant("classification" as const),
        labels: fc.option(fc.uniqueArray(name, { minLength: 1, maxLength: 4 })),
        dataset: name,
      }),
      fc.constant({ type: "regression" as const, labels: null }),
    ),
    pooling: fc.constant("first_token"),
    baseModelSha256: hash,
    mergedFrom: fc.array(
      fc.record({
        contentHash: fc.constant(HASH),
        heads,
        method: name,
        weight: fc.double({ noNaN: true, noDefaultInfinity: true }).map((it) => it + 0),
      }),
      { maxLength: 2 },
    ),
    tinygraftVersion: name,
    extra: fc.dictionary(name.map((key) => `x-${key}`), fc.integer())
      .map((json) => new Map<string, unknown>(Object.entries(json))),
  }, { noNullPrototype: true });
  fc.assert(
    fc.property(config, (config) => {
      const text = formatAdapterConfig(config);
      const back = parseAdapterConfig(JSON.parse(text), PATH);
      assertEquals({ ...back, extra: undefined }, { ...config, extra: undefined });
      assertEquals(new Map(back.extra), new Map(config.extra));
      assertEquals(formatAdapterConfig(back), text);
    }),
    { seed: 1, numRuns: 60 },
  );
});

Deno.test("headsOfLayer() reads one number or a list", () => {
  const one = parseAdapterConfig(valid(), PATH);
  const list = parseAdapterConfig({ ...valid(), num_heads: [1, 2, 3] }, PATH);
  assertEquals([0, 1, 2].map((layer) => headsOfLayer(one, layer)), [4, 4, 4]);
  assertEquals([0, 1, 2].map((layer) => headsOfLayer(list, layer)), [1, 2, 3]);
  assertThrows(() => headsOfLayer(one, 3), RangeError);
});

Deno.test("numLabels() goes by the task, else by the classifier", () => {
  const of = (task: unknown, shape?: number[]) =>
    numLabels(parseAdapterConfig({ ...valid(), task }, PATH), shape);
  assertEquals(of({ type: "classification", labels: ["a", "b", "c"] }, [2, 8]), 3);
  assertEquals(of({ type: "regression", labels: null }, [5, 8]), 1);
  assertEquals(of({ type: "classification", labels: null }, [5, 8]), 5);
  assertThrows(() => of({ type: "classification", labels: null }), TinygraftError);
});
