import { assertEquals } from "@std/assert";
import { selectFiles, type Selection } from "../../lib/hub/select.ts";

const COMMON = [
  "config.json",
  "README.md",
  "LICENSE.txt",
  "vocab.txt",
  "train.py",
  ".gitattributes",
];
const KEPT = ["LICENSE.txt", "README.md", "config.json", "vocab.txt"];

async function select(more: readonly string[], selection: Selection = {}): Promise<string[]> {
  const index = JSON.stringify({ "weight_map": { a: "shard-1", b: "shard-2", c: "shard-1" } });
  const found = await selectFiles(
    [...COMMON, ...more],
    selection,
    () => Promise.resolve(index),
    "hf://o/n",
  );
  return found.filter((path) => !KEPT.includes(path));
}

Deno.test("selectFiles() takes configuration, tokenizer, papers and nothing strange", async () => {
  const index = () => Promise.reject(new Error("not asked for"));
  assertEquals(await selectFiles([...COMMON, "onnx/config.json"], {}, index, "x"), KEPT);
});

Deno.test("selectFiles() takes one set of weights", async () => {
  const bin = ["pytorch_model.bin", "pytorch_model.bin.index.json"];
  const cases: [there: string[], taken: string[]][] = [
    [["model.safetensors", "model.fp16.safetensors", ...bin], ["model.safetensors"]],
    [
      ["model.safetensors.index.json", "shard-1", "shard-2", ...bin],
      ["model.safetensors.index.json", "shard-1", "shard-2"],
    ],
    [["a.safetensors", "b.safetensors", ...bin], ["a.safetensors", "b.safetensors"]],
    [bin, ["pytorch_model.bin"]],
    [[bin[1]!, "shard-1", "shard-2"], ["pytorch_model.bin.index.json", "shard-1", "shard-2"]],
    [
      ["adapter_config.json", "adapter_model.safetensors"],
      ["adapter_config.json", "adapter_model.safetensors"],
    ],
    [["tf_model.h5", "model.onnx"], []],
  ];
  for (const [there, taken] of cases) assertEquals(await select(there), taken);
});

Deno.test("selectFiles() takes an index of very many tensors", async () => {
  const entries = Array.from({ length: 200_000 }, (_, i) => `"w.${i}":"shard-1"`);
  const index = `{"weight_map":{${entries.join()}}}`;
  const there = ["model.safetensors.index.json", "shard-1"];
  assertEquals(await selectFiles(there, {}, () => Promise.resolve(index), "x"), there);
});

Deno.test("selectFiles() follows --include, --exclude and a named file", async () => {
  const there = ["model.safetensors", "model.fp16.safetensors", "onnx/a.onnx", "onnx/b/c.onnx"];
  assertEquals(await select(there, { include: ["onnx/*"] }), ["onnx/a.onnx", "onnx/b/c.onnx"]);
  assertEquals(
    await select(there, { include: ["onnx/*"], exclude: ["*c.onnx"] }),
    ["onnx/a.onnx"],
  );
  assertEquals(await select(there, { exclude: ["*.safetensors"] }), []);
  const weights = "model.fp16.safetensors";
  assertEquals(await select(there, { weights }), [weights]);
});
