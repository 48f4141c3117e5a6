import { assert, assertEquals } from "@std/assert";
import {
  adapterModelTypes,
  adapterPlaces,
  countModules,
  findAdapterPlace,
} from "../../lib/model/adapter_places.ts";
import { ARCHITECTURES } from "../../lib/model/registry.ts";

Deno.test("adapterPlaces() has every type once, the architectures' own first", () => {
  const types = adapterPlaces().map(({ modelType }) => modelType);
  assertEquals(new Set(types).size, types.length);
  assertEquals(types.slice(0, ARCHITECTURES.length), ARCHITECTURES.map((it) => it.modelType));
  for (const type of ["bert", "roberta", "xlm-roberta", "distilbert", "electra", "albert"]) {
    assert(adapterModelTypes().includes(`"${type}"`), type);
  }
});

Deno.test("findAdapterPlace() gives each type's own path", () => {
  const paths = ["bert", "roberta", "distilbert", "albert"].map((type) =>
    findAdapterPlace(type)?.adapterPath
  );
  assertEquals(paths, [
    "encoder.layer.{layer}.tiny_attn",
    "encoder.layer.{layer}.tiny_attn",
    "transformer.layer.{layer}.tiny_attn",
    "encoder.albert_layer_groups.0.albert_layers.0.tiny_attn",
  ]);
  assertEquals(findAdapterPlace("t5"), undefined);
});

Deno.test("countModules() counts one where all layers share it", () => {
  assertEquals(["bert", "albert", "t5"].map((type) => countModules(type, 12)), [12, 1, 12]);
});
