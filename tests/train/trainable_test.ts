import { assertEquals } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { TrainableAdapter } from "../../lib/train/trainable.ts";
import { makeWorkspace } from "../_workspace.ts";
import { assertClose } from "../_close.ts";
import type { TinyAdapterOptions } from "../_tiny_model.ts";
import { readValues } from "../_values.ts";

/** One rounding to f32 in either order of the sum. */
const ROUNDING = { atol: 1e-9, rtol: 2e-7 };

const PREFIX = "encoder.layer.0.tiny_attn";

async function openTrainable(options: TinyAdapterOptions, decayAll = false) {
  await using workspace = await makeWorkspace({}, { hidden: 3, layers: 1, ...options });
  using adapter = await openAdapter(workspace.adapter);
  const arrays = await readValues(adapter);
  const { numLabels, config } = adapter;
  const trainable = new TrainableAdapter(config, arrays, { numLabels, decayAll });
  const values = (name: string) => [...arrays.get(`${PREFIX}.${name}`)!];
  const gradient = (name: string) => [
    ...trainable.parameters.find((each) => each.name === `${PREFIX}.${name}`)!.gradient,
  ];
  return { trainable, values, gradient };
}

Deno.test("TrainableAdapter gathers all heads, with the mean's scale in the output", async () => {
  const { trainable, values } = await openTrainable({ numHeads: 2, combine: "mean" });
  const arrays = trainable.moduleArrays(0, "all");
  const parts = ["query", "key", "value"];
  assertEquals([...arrays.qkvWeight], parts.flatMap((part) => values(`${part}.weight`)));
  assertEquals([...arrays.qkvBias], parts.flatMap((part) => values(`${part}.bias`)));
  assertEquals([...arrays.outputWeight], values("output.weight").map((value) => value / 2));
  assertEquals([...arrays.normWeight], values("norm.weight"));
});

Deno.test("TrainableAdapter gathers one head as if it were the sum of all", async () => {
  const { trainable, values } = await openTrainable({ numHeads: 4, headDim: 2 });
  const arrays = trainable.moduleArrays(0, 2);
  assertEquals(trainable.widthOf(0, 2), 2);
  const rows = (name: string) => values(name).slice(4 * 3, 6 * 3); // rows 4 and 5 of three columns
  assertEquals(
    [...arrays.qkvWeight],
    ["query", "key", "value"].flatMap((p) => rows(`${p}.weight`)),
  );
  const output = values("output.weight"); // three rows of eight columns
  const want = [0, 1, 2].flatMap((row) =>
    [4, 5].map((col) => Math.fround(4 * output[8 * row + col]!))
  );
  assertEquals([...arrays.outputWeight], want);
});

Deno.test("TrainableAdapter adds gradients where the values came from", async () => {
  const { trainable, gradient } = await openTrainable({ numHeads: 2 });
  const ones = {
    normWeight: new Float32Array(3).fill(1),
    normBias: new Float32Array(3).fill(2),
    qkvWeight: Float32Array.from({ length: 9 }, (_, i) => i + 1),
    qkvBias: Float32Array.of(1, 2, 3),
    outputWeight: Float32Array.of(1, 2, 3),
    outputBias: new Float32Array(3).fill(3),
  };
  trainable.addGradients(0, 1, ones);
  trainable.addGradients(0, 1, ones);
  assertEquals(gradient("query.weight"), [0, 0, 0, 2, 4, 6]);
  assertEquals(gradient("value.weight"), [0, 0, 0, 14, 16, 18]);
  assertEquals(gradient("key.bias"), [0, 4]);
  // The head stood for two: its output was doubled, and so is the gradient of its weight.
  assertEquals(gradient("output.weight"), [0, 4, 0, 8, 0, 12]);
  assertEquals(gradient("norm.bias"), [4, 4, 4]);
  assertEquals(gradient("output.bias"), [6, 6, 6]);
  trainable.clearGradients();
  assertEquals(gradient("output.bias"), [0, 0, 0]);
});

Deno.test("TrainableAdapter lets only matrices decay unless all is asked for", async () => {
  const { trainable } = await openTrainable({});
  const decaying = trainable.parameters.filter(({ decays }) => decays).map(({ name }) => name);
  const matrices = ["query", "key", "value", "output"].map((part) => `${PREFIX}.${part}.weight`);
  assertEquals(decaying, [...matrices, "classifier.weight"]);
  const { trainable: all } = await openTrainable({}, true);
  assertEquals(all.parameters.every(({ decays }) => decays), true);
});

Deno.test("TrainableAdapter takes over values and gives them as modules", async () => {
  const { trainable, values } = await openTrainable({ numHeads: 3, combine: "mean" });
  const before = trainable.values();
  for (const { values } of trainable.parameters) values.fill(7);
  trainable.setValues(before);
  const [module] = trainable.modules();
  assertEquals([module!.numHeads, module!.headDim, module!.combine], [3, 1, "mean"]);
  assertEquals([...module!.keyWeight], values("key.weight"));
  assertEquals(trainable.parameterCount, [...before.values()].flatMap((each) => [...each]).length);
});

Deno.test("TrainableAdapter draws heads towards their mean, and leaves what they share", async () => {
  const { trainable, values } = await openTrainable({ numHeads: 2, headDim: 2 });
  trainable.drawTogether(0.25);
  const drawn = trainable.values();
  // A quarter of the way to the mean is an eighth of the way to the other of two heads.
  const between = (one: number, other: number) => Math.fround(0.875 * one + 0.125 * other);
  for (const part of ["query", "key", "value"]) {
    for (const [kind, size] of [["weight", 2 * 3], ["bias", 2]] as const) {
      const before = values(`${part}.${kind}`);
      const want = before.map((value, i) => between(value, before[(i + size) % (2 * size)]!));
      assertClose(drawn.get(`${PREFIX}.${part}.${kind}`)!, want, ROUNDING);
    }
  }
  const output = values("output.weight"); // rows of two heads' two columns
  const want = output.map((value, i) => between(value, output[i ^ 2]!));
  assertClose(drawn.get(`${PREFIX}.output.weight`)!, want, ROUNDING);
  for (const name of ["norm.weight", "norm.bias", "output.bias"]) {
    assertEquals([...drawn.get(`${PREFIX}.${name}`)!], values(name));
  }
  trainable.drawTogether(1);
  const [first, second] = [0, 1].map((head) => trainable.moduleArrays(0, head));
  assertEquals(first, second);
});
