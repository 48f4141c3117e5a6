import { assertEquals } from "@std/assert";
import {
  embeddedAdapterTensors,
  embeddedName,
  findEmbeddedConfig,
} from "../../lib/adapter/embedded.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { writeTinyAdapter, writeTinyBert } from "../_tiny_model.ts";
import { inject, withFolder } from "./_folders.ts";

Deno.test("embeddedName() puts the prefix before all but the classifier", () => {
  const norm = "encoder.layer.0.tiny_attn.norm.weight";
  assertEquals(embeddedName(norm, "bert."), `bert.${norm}`);
  assertEquals(embeddedName(norm, ""), norm);
  assertEquals(embeddedName("classifier.weight", "bert."), "classifier.weight");
});

Deno.test("embeddedAdapterTensors() maps the adapter's names and no other", () =>
  withFolder(async (folder) => {
    await writeTinyBert(`${folder}/base`, { prefix: "bert." });
    const { weights } = await writeTinyAdapter(`${folder}/a`);
    await inject(`${folder}/base`, `${folder}/a`, `${folder}/out`, "shard");
    using base = await openModel(`${folder}/base`);
    assertEquals(embeddedAdapterTensors(base.checkpoint, base.model), new Map());
    assertEquals(findEmbeddedConfig(base.checkpoint), undefined);
    using out = await openModel(`${folder}/out`);
    const names = embeddedAdapterTensors(out.checkpoint, out.model);
    assertEquals([...names.keys()].sort(), [...weights.keys()].sort());
    for (const [relative, name] of names) assertEquals(name, embeddedName(relative, "bert."));
    assertEquals(findEmbeddedConfig(out.checkpoint)?.json["hidden_size"], 64);
  }));
