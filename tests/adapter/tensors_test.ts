// deno-lint-ignore-file camelcase -- the keys are spelled as in the JSON
import { assertEquals, assertThrows } from "@std/assert";
import { parseAdapterConfig } from "../../lib/adapter/config.ts";
import { adapterTensors, compareTensors, moduleCount } from "../../lib/adapter/tensors.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { elementCount, type TensorInfo } from "../../lib/tensor/shape.ts";

function config(keys: Record<string, unknown> = {}) {
  return parseAdapterConfig({
    adapter_type: "TINY_ATTENTION",
    base_model_type: "bert",
    combine: "sum",
    format_version: 1,
    head_dim: 2,
    hidden_size: 8,
    layer_norm_eps: 1e-5,
    num_heads: [1, 3],
    num_hidden_layers: 2,
    placement: "after_attention",
    pooling: "first_token",
    task: { labels: ["a", "b"], type: "classification" },
    tinygraft_version: "0.0.0",
    ...keys,
  }, "adapter_config.json");
}

Deno.test("adapterTensors() lists names and shapes of the format's table", () => {
  const found = adapterTensors(config(), 2).map(({ name, shape }) => `${name} ${shape}`);
  const module = (layer: number, inner: number) =>
    [
      "norm.weight 8",
      "norm.bias 8",
      ...["query", "key", "value"].flatMap((
        it,
      ) => [`${it}.weight ${inner},8`, `${it}.bias ${inner}`]),
      `output.weight 8,${inner}`,
      "output.bias 8",
    ].map((tensor) => `encoder.layer.${layer}.tiny_attn.${tensor}`);
  const want = [...module(0, 2), ...module(1, 6), "classifier.weight 2,8", "classifier.bias 2"];
  assertEquals(found, want);
});

Deno.test("adapterTensors() has the parameters that the paper's size amounts to", () => {
  // RoBERTa-large's sizes: per layer 4DE + 3E + 3D, classifier labels·(D + 1).
  const large = { hidden_size: 1024, num_hidden_layers: 24, head_dim: 1 };
  const count = (heads: number) =>
    adapterTensors(config({ ...large, num_heads: heads }), 2)
      .reduce((sum, { shape }) => sum + elementCount(shape), 0);
  assertEquals(count(1), 24 * 7171 + 2050);
  assertEquals(count(4), 24 * 19468 + 2050);
});

Deno.test("adapterTensors() refuses a base of unknown type", () => {
  const t5 = config({ base_model_type: "t5" });
  const error = assertThrows(() => adapterTensors(t5, 2), TinygraftError, '"t5"');
  assertEquals(error.code, "unsupported-architecture");
});

Deno.test("adapterTensors() lists one module for a base whose layers share their weights", () => {
  const albert = config({ base_model_type: "albert", num_heads: 3 });
  const names = adapterTensors(albert, 2).map(({ name, layer }) => `${layer} ${name}`);
  assertEquals([names.length, moduleCount(albert)], [12, 1]);
  const path = "encoder.albert_layer_groups.0.albert_layers.0.tiny_attn";
  assertEquals(names[0], `0 ${path}.norm.weight`);
  const differing = () => config({ base_model_type: "albert", num_heads: [1, 3] });
  const error = assertThrows(differing, TinygraftError, "share one module");
  assertEquals(error.code, "invalid-adapter-config");
  assertEquals(config({ base_model_type: "albert", num_heads: [3, 3] }).numHeads, [3, 3]);
});

Deno.test("compareTensors() finds nothing wrong with what the config asks for", () => {
  const specs = adapterTensors(config(), 2);
  const dtypes = ["F32", "F16", "BF16"] as const;
  const found = new Map(
    specs.map(({ name, shape }, i) => [name, { dtype: dtypes[i % 3]!, shape }]),
  );
  assertEquals(compareTensors(specs, found), []);
});

Deno.test("compareTensors() lists every fault with its code and tensor", () => {
  const specs = adapterTensors(config(), 2);
  const found = new Map<string, TensorInfo>(
    specs.map(({ name, shape }) => [name, { dtype: "F32", shape }]),
  );
  const path = "encoder.layer.1.tiny_attn";
  found.delete(`${path}.norm.weight`);
  found.set(`${path}.query.weight`, { dtype: "F32", shape: [8, 6] });
  found.set(`${path}.key.bias`, { dtype: "F64", shape: [6] });
  found.set("classifier.weight", { dtype: "F32", shape: [3, 8] });
  found.set("classifier.bias", { dtype: "F32", shape: [2, 1] });
  found.set("encoder.layer.2.tiny_attn.norm.weight", { dtype: "F32", shape: [8] });
  assertEquals(compareTensors(specs, found).map(({ code, tensor }) => [code, tensor]), [
    ["missing-tensor", `${path}.norm.weight`],
    ["shape-mismatch", `${path}.query.weight`],
    ["unsupported-dtype", `${path}.key.bias`],
    ["label-mismatch", "classifier.weight"],
    ["shape-mismatch", "classifier.bias"],
    ["unexpected-tensor", "encoder.layer.2.tiny_attn.norm.weight"],
  ]);
});
