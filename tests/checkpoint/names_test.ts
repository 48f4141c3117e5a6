import { assertEquals } from "@std/assert";
import {
  indexName,
  isCompanion,
  isKnownName,
  isShardName,
  shardName,
} from "../../lib/checkpoint/names.ts";

Deno.test("shardName() and indexName() give the names that transformers writes", () => {
  assertEquals(shardName("model.safetensors", 1, 3), "model-00001-of-00003.safetensors");
  assertEquals(
    shardName("adapter_model.safetensors", 12, 100000),
    "adapter_model-00012-of-100000.safetensors",
  );
  assertEquals(indexName("model.safetensors"), "model.safetensors.index.json");
});

Deno.test("isShardName() knows shards of the same weights only", () => {
  const weights = "model.safetensors";
  assertEquals(isShardName(shardName(weights, 2, 3), weights), true);
  assertEquals(isShardName("model-2-of-3.safetensors", weights), true);
  for (
    const name of [
      "model.safetensors",
      "model-00001.safetensors",
      "model-00001-of-00003.safetensors.tmp",
      "other-00001-of-00003.safetensors",
      "model-x-of-y.safetensors",
    ]
  ) {
    assertEquals(isShardName(name, weights), false, name);
  }
});

Deno.test("isCompanion() leaves out weights of every format, indices and hidden files", () => {
  const companions = ["config.json", "tokenizer.json", "README.md", "LICENSE", "merges.txt"];
  const others = [
    ...["model.safetensors", "pytorch_model.bin", "tf_model.h5", "flax_model.msgpack"],
    ...["model.safetensors.index.json", "pytorch_model.bin.index.json", "model.onnx"],
    ...[".gitattributes", ".out.tinygraft-1-0000000a"],
  ];
  assertEquals(companions.filter(isCompanion), companions);
  assertEquals(others.filter(isCompanion), []);
});

Deno.test("isKnownName() knows no papers and no strangers", () => {
  assertEquals(isKnownName("model-00001-of-00002.safetensors"), true);
  assertEquals(isKnownName("adapter_config.json"), true);
  for (const name of ["README.md", "notes.txt", "model.safetensors.bak", "data.json"]) {
    assertEquals(isKnownName(name), false, name);
  }
});
