import { assertEquals, assertRejects } from "@std/assert";
import { planExtract, planStrip } from "../../lib/adapter/extract.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { validateLocation } from "../../lib/checkpoint/validate.ts";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { writeTinyAdapter, writeTinyBert } from "../_tiny_model.ts";
import { contents, editJson, extract, inject, list, withFolder } from "./_folders.ts";

async function strip(location: string, output: string): Promise<void> {
  using checkpoint = await openCheckpoint(location);
  await execute(await planStrip(checkpoint, output));
}

for (const sharded of [false, true]) {
  for (const as of ["checkpoint", "shard"] as const) {
    const layout = sharded ? "shards" : "one file";
    Deno.test(`planStrip() gives back the base of ${layout} injected as ${as}`, () =>
      withFolder(async (folder) => {
        const [base, out, back] = [`${folder}/base`, `${folder}/out`, `${folder}/back`];
        await writeTinyBert(base, { sharded, prefix: "bert." });
        await Deno.writeTextFile(`${base}/LICENSE`, "mine");
        await writeTinyAdapter(`${folder}/a`);
        await inject(base, `${folder}/a`, out, as);
        await strip(out, back);
        assertEquals(list(back), list(base));
        assertEquals(await contents(back), await contents(base));
        // The tiny base is written as we write, so that every file is the same, byte for byte.
        for (const name of list(base)) {
          const want = await Deno.readFile(`${base}/${name}`);
          assertEquals(await Deno.readFile(`${back}/${name}`), want, name);
        }
        assertEquals((await validateLocation(back)).ok, true);
        const error = await assertRejects(() => extract(back, `${folder}/x`), TinygraftError);
        assertEquals(error.code, "no-adapter");
      }));
  }
}

Deno.test("planStrip() turns a file into a file, and shards into one file not", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    await writeTinyBert(`${folder}/shards`, { sharded: true });
    await writeTinyAdapter(`${folder}/a`);
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/in.safetensors`, "checkpoint");
    await strip(`${folder}/in.safetensors`, `${folder}/out.safetensors`);
    assertEquals(
      await Deno.readFile(`${folder}/out.safetensors`),
      await Deno.readFile(`${folder}/base/model.safetensors`),
    );
    await inject(`${folder}/shards`, `${folder}/a`, `${folder}/out`, "shard");
    const stripping = () => strip(`${folder}/out`, `${folder}/x.safetensors`);
    await assertRejects(stripping, UsageError);
  }));

Deno.test("planStrip() refuses a checkpoint without an adapter", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    const stripping = () => strip(`${folder}/base`, `${folder}/out`);
    assertEquals((await assertRejects(stripping, TinygraftError)).code, "no-adapter");
  }));

Deno.test("planExtract() goes by config.json where the metadata was lost", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`, { prefix: "bert." });
    await writeTinyAdapter(`${folder}/a`);
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/out`, "checkpoint");
    const path = `${folder}/out/model.safetensors`;
    const bytes = await Deno.readFile(path);
    const key = "tinygraft_adapter_config";
    const at = new TextDecoder("latin1").decode(bytes).indexOf(key);
    bytes.set(new TextEncoder().encode("x"), at); // another key of the same length
    await Deno.writeFile(path, bytes);
    await extract(`${folder}/out`, `${folder}/back`);
    assertEquals(
      await Deno.readFile(`${folder}/back/adapter_model.safetensors`),
      await Deno.readFile(`${folder}/a/adapter_model.safetensors`),
    );
    const json = async (name: string) =>
      JSON.parse(await Deno.readTextFile(`${folder}/${name}/adapter_config.json`));
    assertEquals(await json("back"), await json("a"));
  }));

Deno.test("planExtract() refuses an adapter that is not whole or of an unknown form", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    const cases: [code: string, value: unknown][] = [
      ["invalid-json", []],
      ["not-an-adapter", {}],
      ["not-an-adapter", { peft_type: "LORA" }],
    ];
    for (const [code, value] of cases) {
      editJson(`${folder}/base/config.json`, (json) => json["tiny_attention"] = value);
      using checkpoint = await openCheckpoint(`${folder}/base`);
      const extracting = () => planExtract(checkpoint, `${folder}/out`);
      assertEquals((await assertRejects(extracting, TinygraftError)).code, code);
    }
    const { config } = await writeTinyAdapter(`${folder}/a`);
    editJson(`${folder}/base/config.json`, (json) => json["tiny_attention"] = config);
    using checkpoint = await openCheckpoint(`${folder}/base`);
    const extracting = () => planExtract(checkpoint, `${folder}/out`);
    assertEquals((await assertRejects(extracting, TinygraftError)).code, "missing-tensor");
  }));
