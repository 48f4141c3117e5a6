// deno-lint-ignore-file camelcase -- config.json spells its keys in snake_case

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { checkModel, resolveModel } from "../../lib/model/resolve.ts";
import type { TensorInfo } from "../../lib/tensor/shape.ts";

const CONFIG = {
  model_type: "bert",
  hidden_size: 4,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 8,
  vocab_size: 10,
  max_position_embeddings: 6,
};

/** Every tensor of BertModel at the sizes above, as PyTorch names and shapes them. */
function bertTensors(prefix = ""): Map<string, TensorInfo> {
  const tensors = new Map<string, TensorInfo>();
  const add = (name: string, ...shape: number[]) =>
    void tensors.set(prefix + name, { dtype: "F32", shape });
  add("embeddings.word_embeddings.weight", 10, 4);
  add("embeddings.position_embeddings.weight", 6, 4);
  add("embeddings.token_type_embeddings.weight", 2, 4);
  add("embeddings.LayerNorm.weight", 4);
  add("embeddings.LayerNorm.bias", 4);
  for (const layer of [0, 1]) {
    const path = `encoder.layer.${layer}`;
    for (const part of ["self.query", "self.key", "self.value", "output.dense"]) {
      add(`${path}.attention.${part}.weight`, 4, 4);
      add(`${path}.attention.${part}.bias`, 4);
    }
    add(`${path}.attention.output.LayerNorm.weight`, 4);
    add(`${path}.attention.output.LayerNorm.bias`, 4);
    add(`${path}.intermediate.dense.weight`, 8, 4);
    add(`${path}.intermediate.dense.bias`, 8);
    add(`${path}.output.dense.weight`, 4, 8);
    add(`${path}.output.dense.bias`, 4);
    add(`${path}.output.LayerNorm.weight`, 4);
    add(`${path}.output.LayerNorm.bias`, 4);
  }
  return tensors;
}

function refused(tensors: Map<string, TensorInfo>, config: Record<string, unknown> = CONFIG) {
  return assertThrows(() => resolveModel(config, tensors, "base"), TinygraftError);
}

for (const prefix of ["", "bert."]) {
  Deno.test(`resolveModel() finds every weight under the prefix "${prefix}"`, () => {
    const tensors = bertTensors(prefix);
    const model = resolveModel(CONFIG, tensors, "base");
    assertEquals(model.prefix, prefix);
    assertEquals(new Set(model.names.values()), new Set(tensors.keys()));
    assertEquals(
      model.names.get("encoder.layer.1.output.dense.weight"),
      `${prefix}encoder.layer.1.output.dense.weight`,
    );
  });
}

Deno.test("resolveModel() takes gamma and beta for LayerNorm's weight and bias", () => {
  const renamed = [...bertTensors("bert.")].map(([name, info]): [string, TensorInfo] => [
    name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"),
    info,
  ]);
  const { names } = resolveModel(CONFIG, new Map(renamed), "base");
  assertEquals(
    names.get("encoder.layer.0.output.LayerNorm.weight"),
    "bert.encoder.layer.0.output.LayerNorm.gamma",
  );
  assertEquals(names.get("embeddings.LayerNorm.bias"), "bert.embeddings.LayerNorm.beta");
});

Deno.test("resolveModel() lists a pooler and position_ids where they are present", () => {
  const tensors = bertTensors()
    .set("pooler.dense.weight", { dtype: "F32", shape: [4, 4] })
    .set("pooler.dense.bias", { dtype: "F32", shape: [4] })
    .set("embeddings.position_ids", { dtype: "I64", shape: [1, 6] });
  const { names } = resolveModel(CONFIG, tensors, "base");
  assertEquals(names.get("pooler.dense.bias"), "pooler.dense.bias");
  assertEquals(names.get("embeddings.position_ids"), "embeddings.position_ids");
});

Deno.test("resolveModel() refuses another model_type and lists the known ones", () => {
  const error = refused(bertTensors(), { ...CONFIG, model_type: "gpt2" });
  assertEquals(error.code, "unsupported-architecture");
  assertStringIncludes(error.message, '"gpt2", expected one of "bert"');
});

Deno.test("resolveModel() refuses a checkpoint without one weight and names the nearest", () => {
  const tensors = bertTensors();
  tensors.delete("encoder.layer.1.intermediate.dense.bias");
  tensors.set("encoder.layer.1.intermediate.dense.bia", { dtype: "F32", shape: [8] });
  const error = refused(tensors);
  assertEquals(error.code, "missing-tensor");
  assertEquals(error.tensor, "encoder.layer.1.intermediate.dense.bias");
  assertStringIncludes(error.message, '"encoder.layer.1.intermediate.dense.bia"');
});

Deno.test("resolveModel() says so when no tensor has a known name", () => {
  const error = refused(new Map([["w", { dtype: "F32", shape: [1] }]]));
  assertEquals(error.code, "missing-tensor");
  assertStringIncludes(error.message, "none of its 1 tensors");
});

Deno.test("resolveModel() refuses a shape that the config does not allow", () => {
  const error = refused(bertTensors(), { ...CONFIG, vocab_size: 11 });
  assertEquals([error.code, error.tensor], ["shape-mismatch", "embeddings.word_embeddings.weight"]);
  assertStringIncludes(error.message, "shape [10, 4], expected [11, 4]");
});

Deno.test("resolveModel() refuses a transposed weight and one of another rank", () => {
  const name = "encoder.layer.0.intermediate.dense.weight";
  for (const shape of [[4, 8], [8], [8, 4, 1]]) {
    const error = refused(bertTensors().set(name, { dtype: "F32", shape }));
    assertEquals([error.code, error.tensor], ["shape-mismatch", name]);
  }
});

Deno.test("resolveModel() takes F16 and BF16 weights and refuses others", () => {
  const name = "embeddings.LayerNorm.bias";
  for (const dtype of ["F16", "BF16"] as const) {
    resolveModel(CONFIG, bertTensors().set(name, { dtype, shape: [4] }), "base");
  }
  for (const dtype of ["F64", "I8", "F8_E4M3"] as const) {
    const error = refused(bertTensors().set(name, { dtype, shape: [4] }));
    assertEquals([error.code, error.tensor], ["unsupported-dtype", name]);
  }
});

Deno.test("checkModel() finds nothing wrong with a model, a task head and an adapter", () => {
  const tensors = bertTensors("bert.")
    .set("cls.predictions.bias", { dtype: "F32", shape: [10] })
    .set("classifier.weight", { dtype: "F32", shape: [2, 4] })
    .set("bert.encoder.layer.0.tiny_attn.norm.weight", { dtype: "F32", shape: [4] });
  assertEquals(checkModel(CONFIG, tensors, "base"), { faults: [], warnings: [] });
});

Deno.test("checkModel() lists every fault in the table's order, and strangers as warnings", () => {
  const tensors = bertTensors();
  tensors.delete("encoder.layer.1.output.dense.bias");
  tensors.set("embeddings.position_embeddings.weight", { dtype: "F32", shape: [7, 4] });
  tensors.set("encoder.layer.2.output.dense.bias", { dtype: "F32", shape: [4] });
  tensors.set("encoder.layer.0.tiny_attention.bias", { dtype: "F32", shape: [4] });
  const { faults, warnings } = checkModel(CONFIG, tensors, "base");
  assertEquals(faults.map(({ code, tensor }) => [code, tensor]), [
    ["shape-mismatch", "embeddings.position_embeddings.weight"],
    ["missing-tensor", "encoder.layer.1.output.dense.bias"],
  ]);
  assertEquals(warnings.map(({ code, tensor }) => [code, tensor]), [
    ["unexpected-tensor", "encoder.layer.2.output.dense.bias"],
    ["unexpected-tensor", "encoder.layer.0.tiny_attention.bias"],
  ]);
});

Deno.test("checkModel() only warns of a sound model that cannot be run", () => {
  const other = checkModel({ model_type: "llama" }, bertTensors(), "base");
  assertEquals(other.faults, []);
  assertEquals(other.warnings.map(({ code }) => code), ["unsupported-architecture"]);
  const silu = checkModel({ ...CONFIG, hidden_act: "silu" }, bertTensors(), "base");
  assertEquals(silu.faults, []);
  assertEquals(silu.warnings.map(({ code }) => code), ["invalid-config"]);
  const half = bertTensors().set("embeddings.LayerNorm.bias", { dtype: "F64", shape: [4] });
  assertEquals(checkModel(CONFIG, half, "base").warnings.map(({ code }) => code), [
    "unsupported-dtype",
  ]);
});

Deno.test("checkModel() reports a malformed config as a fault", () => {
  const { faults } = checkModel({ ...CONFIG, hidden_size: "4" }, bertTensors(), "base");
  assert(faults.length === 1);
  assertEquals(faults[0]?.code, "invalid-config");
});

/** The projection of ELECTRA's embeddings, with everything else left out. */
function electraFaults(embedding_size: number, shape?: readonly number[]): string[] {
  const tensors = bertTensors();
  if (shape !== undefined) {
    tensors.set("embeddings_project.weight", { dtype: "F32", shape });
    tensors.set("embeddings_project.bias", { dtype: "F32", shape: [4] });
  }
  for (const name of ["word_embeddings", "position_embeddings", "token_type_embeddings"]) {
    const { dtype, shape } = tensors.get(`embeddings.${name}.weight`)!;
    tensors.set(`embeddings.${name}.weight`, { dtype, shape: [shape[0]!, embedding_size] });
  }
  for (const name of ["weight", "bias"]) {
    tensors.set(`embeddings.LayerNorm.${name}`, { dtype: "F32", shape: [embedding_size] });
  }
  const config = { ...CONFIG, model_type: "electra", embedding_size };
  const { faults, warnings } = checkModel(config, tensors, "base");
  return [...faults, ...warnings].map(({ code, tensor }) => `${code} ${tensor}`);
}

Deno.test("checkModel() wants ELECTRA's projection only where its embeddings are narrow", () => {
  assertEquals(electraFaults(4), []);
  assertEquals(electraFaults(3, [4, 3]), []);
  assertEquals(electraFaults(3), [
    "missing-tensor embeddings_project.weight",
    "missing-tensor embeddings_project.bias",
  ]);
  assertEquals(electraFaults(4, [4, 4]), [
    "unexpected-tensor embeddings_project.weight",
    "unexpected-tensor embeddings_project.bias",
  ]);
});
