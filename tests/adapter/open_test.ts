import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { baseContentHash } from "../../lib/adapter/embedded.ts";
import { checkFits, openAdapter } from "../../lib/adapter/open.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { type TinyAdapterOptions, writeTinyAdapter, writeTinyBert } from "../_tiny_model.ts";
import { editJson, inject, withFolder } from "./_folders.ts";

async function refusal(location: string): Promise<TinygraftError> {
  return await assertRejects(() => openAdapter(location), TinygraftError);
}

Deno.test("openAdapter() opens a folder, its weights file and a checkpoint that carries it", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`, { prefix: "bert." });
    const tiny = await writeTinyAdapter(`${folder}/a`, { numHeads: [1, 3], headDim: 2 });
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/out`, "checkpoint");
    const hashes = new Set<string>();
    const locations = ["a", "a/adapter_model.safetensors", "out", "out/model.safetensors"];
    for (const location of locations) {
      using adapter = await openAdapter(`${folder}/${location}`);
      assertEquals(adapter.embedded, location.startsWith("out"));
      assertEquals(adapter.numLabels, 2);
      assertEquals(adapter.config.numHeads, [1, 3]);
      assertEquals([...adapter.tensors.keys()].sort(), [...tiny.weights.keys()].sort());
      assertEquals(adapter.configText, await Deno.readTextFile(`${folder}/a/adapter_config.json`));
      hashes.add(await adapter.contentHash());
    }
    assertEquals(hashes.size, 1);
  }));

Deno.test("openAdapter() refuses what holds no adapter, each by its kind", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    await Deno.mkdir(`${folder}/empty`);
    for (const location of ["base", "base/model.safetensors", "empty"]) {
      const error = await refusal(`${folder}/${location}`);
      assertEquals([location, error.code], [location, "not-an-adapter"]);
    }
    assertEquals((await refusal(`${folder}/none`)).code, "not-found");
    await writeTinyAdapter(`${folder}/peft`);
    await Deno.writeTextFile(`${folder}/peft/adapter_config.json`, '{"peft_type": "LORA"}');
    assertStringIncludes((await refusal(`${folder}/peft`)).message, "PEFT");
  }));

Deno.test("openAdapter() names AdapterHub by its files where there is no config", () =>
  withFolder(async (folder) => {
    await Deno.mkdir(`${folder}/hub`);
    await Deno.writeTextFile(`${folder}/hub/pytorch_adapter.bin`, "");
    await Deno.writeTextFile(`${folder}/hub/head_config.json`, "{}");
    const error = await refusal(`${folder}/hub`);
    assertEquals(error.code, "not-an-adapter");
    assertStringIncludes(error.message, "AdapterHub");
  }));

Deno.test("openAdapter() refuses an adapter that is not whole", () =>
  withFolder(async (folder) => {
    const cases: [code: string, options: TinyAdapterOptions, edit: Record<string, unknown>][] = [
      ["missing-tensor", { layers: 1 }, { num_hidden_layers: 2 }],
      ["unexpected-tensor", {}, { num_hidden_layers: 1 }],
      ["shape-mismatch", {}, { num_heads: 2 }],
      ["shape-mismatch", {}, { hidden_size: 32 }],
      ["label-mismatch", {}, { task: { type: "classification", labels: ["a", "b", "c"] } }],
      ["label-mismatch", {}, { task: { type: "regression", labels: null } }],
      ["unsupported-dtype", { dtype: "F64" }, {}],
      ["unsupported-format-version", {}, { format_version: 99 }],
      ["invalid-adapter-config", {}, { combine: "product" }],
      ["unsupported-architecture", {}, { base_model_type: "t5" }],
    ];
    for (const [i, [code, options, edit]] of cases.entries()) {
      const location = `${folder}/${i}`;
      await writeTinyAdapter(location, options);
      editJson(`${location}/adapter_config.json`, (json) => Object.assign(json, edit));
      assertEquals([i, (await refusal(location)).code], [i, code]);
    }
  }));

Deno.test("openAdapter() reports broken files as what they are", () =>
  withFolder(async (folder) => {
    await writeTinyAdapter(`${folder}/text`);
    await Deno.writeTextFile(`${folder}/text/adapter_config.json`, '{"adapter_type": ');
    assertEquals((await refusal(`${folder}/text`)).code, "invalid-json");
    await writeTinyAdapter(`${folder}/cut`);
    await Deno.truncate(`${folder}/cut/adapter_model.safetensors`, 3000);
    assertEquals((await refusal(`${folder}/cut`)).code, "metadata-incomplete-buffer");
    await writeTinyAdapter(`${folder}/bare`);
    await Deno.remove(`${folder}/bare/adapter_model.safetensors`);
    assertEquals((await refusal(`${folder}/bare`)).code, "not-a-checkpoint");
  }));

Deno.test("checkFits() refuses another size, type or content, the last unless forced", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    using base = await openModel(`${folder}/base`);
    const hash = await baseContentHash(base.checkpoint, base.model);
    await writeTinyAdapter(`${folder}/a`, { baseSha256: hash });
    using adapter = await openAdapter(`${folder}/a`);
    const check = (edit: Partial<typeof adapter.config>, baseHash?: string, force = false) => {
      const options = { force, basePath: "base" };
      const other = { config: { ...adapter.config, ...edit }, location: "adapter" };
      return () => Promise.try(() => checkFits(other, base.model, baseHash, options));
    };
    const code = async (attempt: () => Promise<unknown>) =>
      (await assertRejects(attempt, TinygraftError)).code;
    await check({}, hash)();
    await check({ baseModelSha256: null }, "0".repeat(64))();
    await check({ baseModelSha256: "0".repeat(64) })(); // not asked to check the content
    assertEquals(await code(check({ hiddenSize: 65 }, hash)), "adapter-mismatch");
    assertEquals(await code(check({ numHiddenLayers: 3 }, hash)), "adapter-mismatch");
    assertEquals(await code(check({ baseModelType: "roberta" }, hash, true)), "adapter-mismatch");
    assertEquals(await code(check({}, "0".repeat(64))), "base-mismatch");
    await check({}, "0".repeat(64), true)();
  }));

Deno.test("baseContentHash() is the same with and without an adapter, and in shards", () =>
  withFolder(async (folder) => {
    const hashes = new Set<string>();
    for (const sharded of [false, true]) {
      const name = `${folder}/base-${sharded}`;
      await writeTinyBert(name, { sharded });
      await writeTinyAdapter(`${folder}/a`);
      await inject(name, `${folder}/a`, `${name}-c`, "checkpoint");
      await inject(name, `${folder}/a`, `${name}-s`, "shard");
      for (const location of [name, `${name}-c`, `${name}-s`]) {
        using base = await openModel(location);
        hashes.add(await baseContentHash(base.checkpoint, base.model));
      }
    }
    assertEquals(hashes.size, 1);
  }));
