import { assertEquals, assertRejects } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { LAYER_ARRAYS, layerTensors, readLayer } from "../../lib/merge/layer.ts";
import { noise } from "../_noise.ts";
import { adapterConfig, withFolder, writeAdapter } from "./_adapters.ts";

Deno.test("layerTensors() pairs every tensor of one layer with an array", () => {
  const tensors = layerTensors(adapterConfig({ numHeads: [3, 1] }), 1);
  assertEquals(tensors.map(({ array }) => array), [...LAYER_ARRAYS]);
  assertEquals(tensors[2]!.name, "encoder.layer.1.tiny_attn.query.weight");
  assertEquals(tensors[2]!.shape, [2, 6]);
  assertEquals(tensors[8]!.shape, [6, 2]);
});

Deno.test("readLayer() reads a layer's own values and sizes in f64", () =>
  withFolder(async (folder) => {
    const config = adapterConfig({ numHeads: [3, 1], combine: "mean", layerNormEps: 1e-3 });
    await writeAdapter(`${folder}/a`, config);
    using adapter = await openAdapter(`${folder}/a`);
    const module = await readLayer(adapter, 1);
    const { hiddenSize, numHeads, headDim, combine, layerNormEps } = module;
    assertEquals([hiddenSize, numHeads, headDim, combine, layerNormEps], [6, 1, 2, "mean", 1e-3]);
    // The table's tensor 10 is layer 1's norm.weight, 12 its query.weight.
    const want = noise(12, { seed: 50 + 12, scale: 0.5 });
    assertEquals(module.queryWeight, Float64Array.from(want));
    assertEquals((await readLayer(adapter, 0)).queryWeight.length, 36);
  }));

Deno.test("readLayer() refuses NaN and infinity, naming the tensor", () =>
  withFolder(async (folder) => {
    const name = "encoder.layer.1.tiny_attn.key.bias";
    for (const [i, bad] of [NaN, Infinity, -Infinity].entries()) {
      const edit = (tensor: string, values: Float32Array) => {
        if (tensor === name) values[3] = bad;
      };
      await writeAdapter(`${folder}/${i}`, adapterConfig(), { edit });
      using adapter = await openAdapter(`${folder}/${i}`);
      await readLayer(adapter, 0);
      const error = await assertRejects(() => readLayer(adapter, 1), TinygraftError, "element 3");
      assertEquals([error.code, error.tensor, error.path], ["non-finite", name, `${folder}/${i}`]);
    }
  }));
