import { assertEquals, assertStringIncludes } from "@std/assert";
import { validateAdapter } from "../../lib/adapter/validate.ts";
import { writeTinyAdapter, writeTinyBert } from "../_tiny_model.ts";
import { dropClassifier } from "../eval/_rows.ts";
import { editJson, inject, withFolder } from "./_folders.ts";

async function codes(location: string) {
  const files = await validateAdapter(location);
  return files.map(({ path, faults, warnings }) => [
    path.split("/").slice(-2).join("/"),
    faults.map(({ code }) => code),
    warnings.map(({ code }) => code),
  ]);
}

Deno.test("validateAdapter() finds nothing wrong with a sound adapter, in its folder or a base", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    await writeTinyAdapter(`${folder}/a`);
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/out`, "checkpoint");
    assertEquals(await codes(`${folder}/base`), []);
    assertEquals(await codes(`${folder}/a`), [["a/adapter_config.json", [], []]]);
    assertEquals(await codes(`${folder}/out`), [["out/model.safetensors", [], []]]);
  }));

Deno.test("validateAdapter() lists all faults of the config and the tensors, and unknown keys", () =>
  withFolder(async (folder) => {
    await writeTinyAdapter(`${folder}/config`, { config: { combine: "max", pooling: "cls" } });
    await writeTinyAdapter(`${folder}/tensors`, { config: { num_heads: [4, 5], notes: 1 } });
    const invalid = "invalid-adapter-config";
    assertEquals(await codes(`${folder}/config`), [
      ["config/adapter_config.json", [invalid, invalid], []],
    ]);
    const [found] = await validateAdapter(`${folder}/tensors`);
    const { faults, warnings } = found!;
    assertEquals(faults.map(({ code }) => code), Array(7).fill("shape-mismatch"));
    assertEquals(new Set(faults.map(({ tensor }) => tensor?.split(".")[2])), new Set(["1"]));
    assertEquals(warnings.map(({ code }) => code), ["unknown-config-key"]);
    assertStringIncludes(warnings[0]!.message, "notes");
  }));

Deno.test("validateAdapter() reports missing weights and broken text, a PEFT folder as a warning", () =>
  withFolder(async (folder) => {
    for (const name of ["bare", "text", "peft"]) await writeTinyAdapter(`${folder}/${name}`);
    await Deno.remove(`${folder}/bare/adapter_model.safetensors`);
    await Deno.writeTextFile(`${folder}/text/adapter_config.json`, "{");
    await Deno.writeTextFile(`${folder}/peft/adapter_config.json`, '{"peft_type": "LORA"}');
    assertEquals(await codes(`${folder}/bare`), [["bare/adapter_config.json", ["not-found"], []]]);
    assertEquals(await codes(`${folder}/text`), [[
      "text/adapter_config.json",
      ["invalid-json"],
      [],
    ]]);
    assertEquals(await codes(`${folder}/peft`), [["peft/adapter_config.json", [], [
      "not-an-adapter",
    ]]]);
  }));

Deno.test("validateAdapter() reports a carried adapter that disagrees with its base or itself", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`);
    await writeTinyAdapter(`${folder}/a`);
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/out`, "shard");
    const path = `${folder}/out/config.json`;
    editJson(path, (json) => {
      (json["tiny_attention"] as Record<string, unknown>)["head_dim"] = 2;
    });
    const [found] = await codes(`${folder}/out`);
    assertEquals(found?.[1], ["metadata-conflict"]);
    editJson(path, (json) => json["tiny_attention"] = 3);
    assertEquals((await codes(`${folder}/out`))[0]?.[1], ["metadata-conflict"]);
  }));

Deno.test("validateAdapter() warns of an adapter without a classifier, and faults half of one", () =>
  withFolder(async (folder) => {
    await writeTinyAdapter(`${folder}/a`);
    await dropClassifier(`${folder}/a`);
    assertEquals(await codes(`${folder}/a`), [["a/adapter_config.json", [], ["missing-tensor"]]]);
    await writeTinyAdapter(`${folder}/b`);
    await dropClassifier(`${folder}/b`, "classifier.bias");
    assertEquals(await codes(`${folder}/b`), [["b/adapter_config.json", ["missing-tensor"], []]]);
  }));
