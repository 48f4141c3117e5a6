import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import {
  countBaseParameters,
  initAdapter,
  type InitOptions,
  planInit,
} from "../../lib/adapter/init.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { readFloats } from "../../lib/checkpoint/open.ts";
import { UsageError } from "../../lib/errors.ts";
import { writeTinyBert } from "../_tiny_model.ts";
import { withFolder } from "./_folders.ts";

const OPTIONS: InitOptions = {
  heads: 3,
  headDim: 2,
  combine: "mean",
  task: { type: "classification", labels: ["a", "b"] },
  numLabels: 2,
  sharedInit: false,
  seed: 7,
};

Deno.test("planInit() writes an adapter that is an identity for its base", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    using base = await openModel(`${folder}/base`);
    const { plan, config } = await planInit(base.checkpoint, base.model, `${folder}/a`, OPTIONS);
    const written = await execute(plan);
    assertEquals(written.map(({ path }) => path), [
      "adapter_config.json",
      "adapter_model.safetensors",
    ]);
    using adapter = await openAdapter(`${folder}/a`);
    assertEquals(adapter.config, config);
    assertEquals([config.hiddenSize, config.numHiddenLayers, config.numHeads], [64, 2, 3]);
    assertEquals(config.baseModelNameOrPath, null);
    for (const [name, entry] of adapter.tensors) {
      const values = await readFloats(entry);
      if (name.endsWith("norm.weight")) assert(values.every((x) => x === 1), name);
      else if (/bias$|output\.weight$/.test(name)) assert(values.every((x) => x === 0), name);
      else {
        const variance = values.reduce((sum, x) => sum + x * x, 0) / values.length;
        assert(Math.abs(Math.sqrt(variance) - 0.02) < 0.005, `${name}: ${Math.sqrt(variance)}`);
      }
    }
  }));

Deno.test("planInit() counts modules and classifier, over the base's floating-point tensors", () =>
  withFolder(async (folder) => {
    const tiny = await writeTinyBert(`${folder}/base`, { positionIds: true });
    using base = await openModel(`${folder}/base`);
    const { parameters, share } = await planInit(
      base.checkpoint,
      base.model,
      `${folder}/a`,
      OPTIONS,
    );
    const [hidden, inner] = [64, 6];
    assertEquals(parameters, 2 * (4 * hidden * inner + 3 * inner + 3 * hidden) + 2 * (hidden + 1));
    const own = [...tiny.weights.values()].reduce((sum, { length }) => sum + length, 0);
    assertEquals(countBaseParameters(base.checkpoint, base.model), own);
    assertEquals(share, parameters / own);
  }));

Deno.test("initAdapter() depends on the seed, and shared heads start from head 0", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    using base = await openModel(`${folder}/base`);
    const make = async (options: Partial<InitOptions>) => {
      const { adapter } = await initAdapter(base.checkpoint, base.model, {
        ...OPTIONS,
        ...options,
      });
      return adapter.arrays;
    };
    const [one, again, other] = [await make({}), await make({}), await make({ seed: 8 })];
    const shared = await make({ sharedInit: true });
    assertEquals(one, again);
    const name = "encoder.layer.1.tiny_attn.key.weight";
    assertNotEquals(one.get(name), other.get(name));
    const row = 64;
    const [mine, heads] = [one.get(name)!, shared.get(name)!];
    const first = mine.slice(0, 2 * row);
    for (const head of [0, 1, 2]) {
      assertEquals(heads.slice(head * 2 * row, (head + 1) * 2 * row), first);
    }
    assertNotEquals(mine.slice(2 * row, 4 * row), first);
    assertNotEquals(first.slice(0, row), first.slice(row)); // the rows of one head differ
    assertEquals(shared.get("classifier.weight"), one.get("classifier.weight"));
  }));

Deno.test("initAdapter() refuses counts, seeds and labels that make no sense", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    using base = await openModel(`${folder}/base`);
    const bad: Partial<InitOptions>[] = [
      { heads: 0 },
      { headDim: 1.5 },
      { numLabels: 3 },
      { seed: -1 },
      { seed: 2 ** 32 },
      { task: { type: "regression", labels: null } },
    ];
    for (const options of bad) {
      const making = () => initAdapter(base.checkpoint, base.model, { ...OPTIONS, ...options });
      await assertRejects(making, UsageError);
    }
  }));
