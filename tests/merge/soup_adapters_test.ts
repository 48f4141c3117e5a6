import { assert, assertEquals, assertRejects } from "@std/assert";
import type { AdapterConfig } from "../../lib/adapter/config.ts";
import { type Adapter, openAdapter } from "../../lib/adapter/open.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { readFloats } from "../../lib/checkpoint/open.ts";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { relativeError } from "../../lib/merge/compare.ts";
import { readLayer } from "../../lib/merge/layer.ts";
import { MERGE_METHODS } from "../../lib/merge/method_names.ts";
import { mergeParts } from "../../lib/merge/soup.ts";
import { planSoup, type SoupOptions } from "../../lib/merge/soup_adapters.ts";
import { VERSION } from "../../lib/version.ts";
import { assertClose } from "../_close.ts";
import { raggedInputs } from "./_modules.ts";
import { adapterConfig, type AdapterValues, withFolder, writeAdapter } from "./_adapters.ts";

/** An adapter to be written: its config and how its values differ from the other's. */
interface Ingredient {
  readonly config?: Partial<AdapterConfig>;
  readonly values?: AdapterValues;
}

/** Values that differ from adapter to adapter. */
const varied = (shift: number): AdapterValues => ({
  edit: (_name, values) => values.forEach((value, i) => values[i] = value + shift * (i % 3)),
});

/** Writes adapters, opens them, and hands them to `test`. */
function withAdapters(
  ingredients: readonly Ingredient[],
  test: (adapters: Adapter[], folder: string) => Promise<void>,
): Promise<void> {
  return withFolder(async (folder) => {
    using opened = new DisposableStack();
    const adapters = [];
    for (const [i, { config = {}, values = varied(0.1 * i) }] of ingredients.entries()) {
      await writeAdapter(`${folder}/${i}`, adapterConfig(config), values);
      adapters.push(opened.use(await openAdapter(`${folder}/${i}`)));
    }
    await test(adapters, folder);
  });
}

const MIXED: readonly Ingredient[] = [
  { config: { numHeads: [3, 1] } },
  { config: { numHeads: 2, headDim: 1, combine: "mean", layerNormEps: 1e-5 } },
];

for (const method of MERGE_METHODS) {
  Deno.test(`planSoup() by ${method} writes what mergeParts() gives, and the mean classifier`, () =>
    withAdapters(MIXED, async (adapters, folder) => {
      const soup = await planSoup(adapters, `${folder}/soup`, { method, weights: [3, 1] });
      await execute(soup.plan);
      using written = await openAdapter(`${folder}/soup`);
      assertEquals(written.config, soup.config);
      const after = method === "stack" ? [5, 3] : [3, 2];
      assertEquals([soup.headsBefore, soup.headsAfter], [[5, 3], after]);
      assertEquals([soup.config.headDim, soup.config.combine], [2, "sum"]);
      assertEquals(soup.exact, method === "stack");
      for (const layer of [0, 1]) {
        const [first, second] = [
          await readLayer(adapters[0]!, layer),
          await readLayer(adapters[1]!, layer),
        ];
        const parts = [{ module: first, weight: 0.75 }, { module: second, weight: 0.25 }];
        const { module } = mergeParts(parts, method);
        const found = await readLayer(written, layer);
        assert(relativeError(found, module, raggedInputs(6, 1)) < 1e-6);
      }
      const [a, b, mean] = await Promise.all(
        [...adapters, written].map((it) => readFloats(it.tensors.get("classifier.weight")!)),
      );
      assertClose(mean!, a!.map((value, i) => 0.75 * value + 0.25 * b![i]!), {
        atol: 1e-7,
        rtol: 1e-6,
      });
    }));
}

Deno.test("planSoup() records every source with its share", () =>
  withAdapters([{}, {}, {}], async (adapters) => {
    const { config } = await planSoup(adapters, "out", { method: "average", weights: [2, 1, 1] });
    assertEquals(config.mergedFrom, [
      { contentHash: await adapters[0]!.contentHash(), heads: 3, method: "average", weight: 0.5 },
      { contentHash: await adapters[1]!.contentHash(), heads: 3, method: "average", weight: 0.25 },
      { contentHash: await adapters[2]!.contentHash(), heads: 3, method: "average", weight: 0.25 },
    ]);
    assertEquals(config.tinygraftVersion, VERSION);
  }));

Deno.test("planSoup() keeps what all tasks agree on", () =>
  withAdapters([
    { config: { task: { type: "classification", labels: null, dataset: "glue/sst2" } } },
    { config: { task: { type: "classification", labels: ["no", "yes"], dataset: "glue/sst2" } } },
    { config: { task: { type: "classification", labels: ["no", "yes"], dataset: "mine" } } },
  ], async ([a, b, c]) => {
    const taskOf = async (adapters: Adapter[]) =>
      (await planSoup(adapters, "out", { method: "stack" })).config.task;
    const labels = ["no", "yes"];
    assertEquals(await taskOf([a!, b!]), { type: "classification", labels, dataset: "glue/sst2" });
    assertEquals(await taskOf([a!, c!]), { type: "classification", labels });
  }));

Deno.test("planSoup() stores a dtype that all adapters share, else F32", () =>
  withAdapters([
    { values: { dtype: "F16" } },
    { values: { dtype: "F16" } },
    { values: { dtype: "BF16" } },
  ], async ([a, b, c], folder) => {
    for (const [adapters, want] of [[[a!, b!], "F16"], [[a!, c!], "F32"]] as const) {
      const { plan } = await planSoup(adapters, `${folder}/${want}`, { method: "product" });
      await execute(plan);
      using soup = await openAdapter(plan.output);
      for (const { dtype } of soup.tensors.values()) assertEquals(dtype, want);
    }
  }));

const hash = (digit: string) => digit.repeat(64);
const REFUSED: readonly (readonly [string, Ingredient, string, string])[] = [
  ["hidden size", { config: { hiddenSize: 8 } }, "adapter-mismatch", "8, expected 6"],
  ["layer count", { config: { numHiddenLayers: 3 } }, "adapter-mismatch", "3, expected 2"],
  ["epsilon", { config: { layerNormEps: 1e-6 } }, "adapter-mismatch", "0.000001"],
  [
    "label order",
    { config: { task: { type: "classification", labels: ["yes", "no"] } } },
    "task-mismatch",
    "yes, no, expected no, yes",
  ],
  ["base", { config: { baseModelSha256: hash("b") } }, "base-mismatch", "--force"],
];

for (const [what, ingredient, code, says] of REFUSED) {
  Deno.test(`planSoup() refuses adapters of another ${what}`, () => {
    const first: Ingredient = { config: { baseModelSha256: hash("a") } };
    const second: Ingredient = {
      ...ingredient,
      config: { baseModelSha256: hash("a"), ...ingredient.config },
    };
    return withAdapters([first, second], async (adapters, folder) => {
      const plan = () => planSoup(adapters, `${folder}/soup`, { method: "stack" });
      const error = await assertRejects(plan, TinygraftError, says);
      assertEquals([error.code, error.path], [code, `${folder}/1`]);
    });
  });
}

Deno.test("planSoup() takes adapters of another base with force, and of an unknown one", () =>
  withAdapters([
    { config: { baseModelSha256: null } },
    { config: { baseModelSha256: hash("a") } },
    { config: { baseModelSha256: hash("b") } },
  ], async ([a, b, c]) => {
    const known = await planSoup([a!, b!], "out", { method: "stack" });
    assertEquals(known.config.baseModelSha256, hash("a"));
    await planSoup([b!, c!], "out", { method: "stack", force: true });
  }));

Deno.test("planSoup() refuses one adapter, and weights that are not one positive number each", () =>
  withAdapters([{}, {}], async (adapters) => {
    const plan = (count: number, options: Partial<SoupOptions>) => () =>
      planSoup(adapters.slice(0, count), "out", { method: "stack", ...options });
    await assertRejects(plan(1, {}), UsageError, "two or more");
    for (const weights of [[1], [1, 0], [1, -1], [NaN, 1], [Infinity, 1]]) {
      await assertRejects(plan(2, { weights }), UsageError, "2 numbers above 0");
    }
  }));

Deno.test("planSoup() refuses NaN in a classifier, naming the tensor", () =>
  withAdapters([{}, {
    values: {
      edit: (name, values) => {
        if (name === "classifier.bias") values[1] = NaN;
      },
    },
  }], async (adapters, folder) => {
    const plan = () => planSoup(adapters, `${folder}/soup`, { method: "average" });
    const error = await assertRejects(plan, TinygraftError, "element 1");
    assertEquals([error.code, error.tensor, error.path], [
      "non-finite",
      "classifier.bias",
      `${folder}/1`,
    ]);
  }));
