import { assertEquals } from "@std/assert";
import {
  checkpointInputs,
  isFileOutput,
  plannedConfig,
  plannedCopy,
  plannedIndex,
} from "../../lib/checkpoint/folder_parts.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { writeTinyBert } from "../_tiny_model.ts";
import { TempFolder } from "./_disk.ts";

Deno.test("isFileOutput() goes by the name's end", () => {
  assertEquals(["a.safetensors", "A.SafeTensors", "a", "a.safetensors.d"].map(isFileOutput), [
    true,
    true,
    false,
    false,
  ]);
});

Deno.test("checkpointInputs() names the folder and all that is read of it", async () => {
  using folder = new TempFolder();
  await writeTinyBert(folder.join("base"));
  using whole = await openCheckpoint(folder.join("base"));
  const names = ["", "/model.safetensors", "/config.json", "/tokenizer.json"];
  const want = [...names, "/tokenizer_config.json"].map((name) => folder.join("base") + name);
  assertEquals(checkpointInputs(whole), want);
  using file = await openCheckpoint(folder.join("base", "model.safetensors"));
  assertEquals(checkpointInputs(file), want.slice(1));
});

Deno.test("plannedIndex() counts bytes and floating elements, from the original's count on", async () => {
  using folder = new TempFolder();
  // The original says that it has as many parameters as elements, position ids among them.
  await writeTinyBert(folder.join("base"), { sharded: true, positionIds: true });
  using base = await openCheckpoint(folder.join("base"));
  const before = Number(base.index?.metadata["total_parameters"]);
  const tensors = [...base.tensors].filter(([name]) => name !== "pooler.dense.weight");
  const shards = [
    { path: "x-00001-of-00002.safetensors", tensors: tensors.slice(0, 1) },
    { path: "x-00002-of-00002.safetensors", tensors: tensors.slice(1) },
  ];
  const file = plannedIndex(base, shards, "x.safetensors");
  assertEquals(file.path, "x.safetensors.index.json");
  const index = JSON.parse(
    new TextDecoder().decode(file.kind === "bytes" ? file.bytes : undefined),
  );
  const bytes = tensors.reduce((sum, [, { dataOffsets: [begin, end] }]) => sum + end - begin, 0);
  assertEquals(index.metadata, { total_size: bytes, total_parameters: before - 64 * 64 });
  assertEquals(index.weight_map[tensors[0]![0]], shards[0]!.path);
  assertEquals(Object.keys(index.weight_map).length, tensors.length);
});

Deno.test("plannedConfig() edits config.json, plannedCopy() carries a file over", async () => {
  using folder = new TempFolder();
  await writeTinyBert(folder.join("base"));
  using base = await openCheckpoint(folder.join("base"));
  const config = await plannedConfig(base, (text) => `${text.length}`);
  const { size } = await Deno.stat(folder.join("base", "config.json"));
  const bytes = config.kind === "bytes" ? config.bytes : undefined;
  assertEquals([config.path, new TextDecoder().decode(bytes)], ["config.json", `${size}`]);
  const copy = await plannedCopy(base, "config.json");
  const from = folder.join("base", "config.json");
  assertEquals(copy, { kind: "copy", path: "config.json", from, byteLength: size });
});
