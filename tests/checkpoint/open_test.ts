import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { openCheckpoint, readFloats, readTensor } from "../../lib/checkpoint/open.ts";
import { SafetensorsError, TinygraftError } from "../../lib/errors.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { writeTinyBert } from "../_tiny_model.ts";
import { indexText, TempFolder, tensorFile } from "./_disk.ts";

const A = "model-00001-of-00002.safetensors";
const B = "model-00002-of-00002.safetensors";
const INDEX = "model.safetensors.index.json";

/** A folder of two sound shards, to be broken. */
function shards(): TempFolder {
  const folder = new TempFolder();
  folder.write(A, tensorFile({ x: [1, 2] }));
  folder.write(B, tensorFile({ y: [3] }));
  folder.write(INDEX, indexText({ x: A, y: B }));
  return folder;
}

async function refused(location: string, code: string): Promise<TinygraftError> {
  const error = await assertRejects(() => openCheckpoint(location), TinygraftError);
  assertEquals(error.code, code);
  return error;
}

for (const sharded of [false, true]) {
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    Deno.test(`openCheckpoint() reads ${dtype} weights, sharded ${sharded}`, async () => {
      using folder = new TempFolder();
      const tiny = await writeTinyBert(folder.path, { dtype, sharded, prefix: "bert.", layers: 1 });
      using checkpoint = await openCheckpoint(folder.path);
      assertEquals(checkpoint.kind, "folder");
      assertEquals(checkpoint.folder, folder.path);
      assertEquals(checkpoint.files.length, sharded ? 3 : 1);
      assertEquals(checkpoint.index !== undefined, sharded);
      assertEquals(checkpoint.config, tiny.config);
      assertEquals(checkpoint.companions, [
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
      ]);
      assertEquals([...checkpoint.metadata], [["format", "pt"]]);
      assertEquals(checkpoint.tensors.size, tiny.weights.size);
      for (const [name, values] of tiny.weights) {
        const entry = checkpoint.tensors.get(`bert.${name}`);
        assert(entry !== undefined);
        assertEquals(entry.dtype, dtype);
        assertEquals(entry.shape, tiny.shapes.get(name));
        assertEquals(await readFloats(entry), values);
      }
    });
  }
}

Deno.test("openCheckpoint() lists tensors in the order of their names' bytes", async () => {
  using folder = new TempFolder();
  const names = ["\u{10000}", "b", "\uffff", "10", "9", "a"];
  const path = folder.write(
    "m.safetensors",
    tensorFile(Object.fromEntries(names.map((name) => [name, [0]]))),
  );
  using checkpoint = await openCheckpoint(path);
  assertEquals([...checkpoint.tensors.keys()], ["10", "9", "a", "b", "\uffff", "\u{10000}"]);
});

Deno.test("openCheckpoint() opens a single file with a model's files beside it", async () => {
  using folder = new TempFolder();
  const path = folder.write("any.safetensors", tensorFile({ w: [7, 8] }));
  folder.write("config.json", '{"model_type":"bert"}');
  using checkpoint = await openCheckpoint(path);
  assertEquals([checkpoint.kind, checkpoint.folder], ["file", folder.path]);
  assertEquals(checkpoint.config, { model_type: "bert" });
  folder.write("notes.txt", "someone's own");
  folder.write("tokenizer.json", "{}");
  using again = await openCheckpoint(path);
  assertEquals(checkpoint.companions, ["config.json"]);
  assertEquals(again.companions, ["config.json", "tokenizer.json"]);
  assertEquals(await readTensor(checkpoint.tensors.get("w")!), Uint8Array.of(7, 8));
});

Deno.test("openCheckpoint() opens the folder when given its index", async () => {
  using folder = shards();
  using checkpoint = await openCheckpoint(folder.join(INDEX));
  assertEquals([checkpoint.kind, checkpoint.folder], ["folder", folder.path]);
  assertEquals([...checkpoint.tensors.keys()], ["x", "y"]);
});

Deno.test("openCheckpoint() looks for weights of another name when asked", async () => {
  using folder = new TempFolder();
  folder.write("adapter_model.safetensors", tensorFile({ w: [1] }));
  using checkpoint = await openCheckpoint(folder.path, { weights: "adapter_model.safetensors" });
  assertEquals([...checkpoint.tensors.keys()], ["w"]);
});

Deno.test("openCheckpoint() follows symlinks to shards, as in the Hub's cache", async () => {
  using folder = new TempFolder();
  folder.write("blobs/1234", tensorFile({ w: [1] }));
  await Deno.mkdir(folder.join("snapshot"));
  await Deno.symlink("../blobs/1234", folder.join("snapshot/model.safetensors"));
  using checkpoint = await openCheckpoint(folder.join("snapshot"));
  assertEquals([...checkpoint.tensors.keys()], ["w"]);
});

Deno.test("openCheckpoint() counts neither weights nor hidden files as companions", async () => {
  using folder = shards();
  folder.write("README.md", "");
  folder.write("vocab.txt", "");
  folder.write(".gitattributes", "");
  folder.write(".out.tinygraft-1-0000000a", "");
  folder.write("pytorch_model.bin", "");
  folder.write("pytorch_model.bin.index.json", "{}");
  folder.write("onnx/model.onnx", "");
  using checkpoint = await openCheckpoint(folder.path);
  assertEquals(checkpoint.companions, ["README.md", "vocab.txt"]);
});

Deno.test("openCheckpoint() names what is missing", async () => {
  using folder = new TempFolder();
  await refused(folder.join("nowhere"), "not-found");
  await refused(folder.join("nowhere/model.safetensors"), "not-found");
  const path = folder.write("pytorch_model.bin", "");
  await refused(`${path}/model.safetensors`, "not-found");
  const error = await refused(folder.path, "not-a-checkpoint");
  assertStringIncludes(error.message, '"pytorch_model.bin"');
  assertStringIncludes(error.message, '"model.safetensors"');
});

Deno.test("openCheckpoint() refuses a device", async () => {
  await refused("/dev/null", "unreadable");
});

Deno.test("openCheckpoint() throws the reader's own error for a malformed file", async () => {
  using folder = new TempFolder();
  const path = folder.write("m.safetensors", "{}");
  const error = await assertRejects(() => openCheckpoint(path), SafetensorsError);
  assertEquals([error.code, error.path], ["header-too-small", path]);
});

Deno.test("openCheckpoint() refuses a config.json that is no JSON object", async () => {
  using folder = new TempFolder();
  folder.write("model.safetensors", tensorFile({ w: [1] }));
  folder.write("config.json", "{");
  await refused(folder.path, "invalid-json");
  folder.write("config.json", "[]");
  await refused(folder.path, "invalid-json");
  folder.write("config.json", Uint8Array.of(0x7b, 0xff, 0x7d));
  await refused(folder.path, "invalid-encoding");
});

Deno.test("openCheckpoint() refuses an index that is not one", async () => {
  using folder = shards();
  folder.write(INDEX, "[]");
  await refused(folder.path, "invalid-index");
  folder.write(INDEX, `{"metadata":{},"weight_map":{"x":"${A}","x":"${B}"}}`);
  await refused(folder.path, "duplicate-key");
});

for (const name of ["../x.safetensors", "/x.safetensors", "a\\\\b", "..%2fx", "file:x", ""]) {
  Deno.test(`openCheckpoint() refuses the shard name "${name}"`, async () => {
    using folder = shards();
    folder.write(INDEX, `{"metadata":{},"weight_map":{"x":"${name}"}}`);
    await refused(folder.path, "unsafe-file-name");
  });
}

Deno.test("openCheckpoint() names a shard that is missing", async () => {
  using folder = shards();
  await Deno.remove(folder.join(B));
  const error = await refused(folder.path, "missing-shard");
  assertEquals(error.path, folder.join(B));
});

Deno.test("openCheckpoint() refuses one tensor in two shards", async () => {
  using folder = shards();
  folder.write(B, tensorFile({ x: [1, 2], y: [3] }));
  const error = await refused(folder.path, "tensor-in-two-shards");
  assertEquals(error.tensor, "x");
});

Deno.test("openCheckpoint() refuses a tensor that its shard does not hold", async () => {
  using folder = shards();
  folder.write(INDEX, indexText({ x: A, y: B, z: B }));
  const error = await refused(folder.path, "tensor-not-in-shard");
  assertEquals(error.tensor, "z");
});

Deno.test("openCheckpoint() refuses a tensor in another shard than the index says", async () => {
  using folder = shards();
  folder.write(INDEX, indexText({ x: A, y: A, w: B }));
  const error = await refused(folder.path, "tensor-not-in-shard");
  assertEquals(error.tensor, "y");
});

Deno.test("openCheckpoint() refuses a tensor that the index does not name", async () => {
  using folder = shards();
  folder.write(B, tensorFile({ y: [3], z: [4] }));
  const error = await refused(folder.path, "tensor-not-in-index");
  assertEquals(error.tensor, "z");
});

Deno.test("openCheckpoint() refuses a single file beside an index that does not name it", async () => {
  using folder = shards();
  folder.write("model.safetensors", tensorFile({ x: [1] }));
  await refused(folder.path, "invalid-index");
});

Deno.test("openCheckpoint() opens shards whose metadata disagree, until it is asked for", async () => {
  using folder = shards();
  folder.write(A, tensorFile({ x: [1, 2] }, { format: "pt", a: "1" }));
  folder.write(B, tensorFile({ y: [3] }, { format: "tf", b: "2" }));
  using checkpoint = await openCheckpoint(folder.path);
  const error = assertThrows(() => checkpoint.metadata, TinygraftError);
  assertEquals(error.code, "metadata-conflict");
  assertStringIncludes(error.message, '"pt"');
  assertStringIncludes(error.message, '"tf"');
});

Deno.test("metadata joins what the shards say", async () => {
  using folder = shards();
  folder.write(A, tensorFile({ x: [1, 2] }, { format: "pt", a: "1" }));
  folder.write(B, tensorFile({ y: [3] }, { format: "pt", b: "2" }));
  using checkpoint = await openCheckpoint(folder.path);
  assertEquals(Object.fromEntries(checkpoint.metadata), { format: "pt", a: "1", b: "2" });
});

Deno.test("readFloats() refuses a dtype that is no float", async () => {
  using folder = new TempFolder();
  const path = folder.write("m.safetensors", tensorFile({ w: [1] }));
  using checkpoint = await openCheckpoint(path);
  const reading = () => readFloats(checkpoint.tensors.get("w")!);
  const error = await assertRejects(reading, TinygraftError, "it is U8");
  assertEquals([error.code, error.tensor], ["unsupported-dtype", "w"]);
});

Deno.test("readTensor() notices a file that became shorter", async () => {
  using folder = new TempFolder();
  const path = folder.write("m.safetensors", tensorFile({ v: [1], w: [2, 3, 4] }));
  using checkpoint = await openCheckpoint(path);
  const { header, source } = checkpoint.files[0]!;
  await Deno.truncate(path, source.byteLength - 2);
  assertEquals(await readTensor(checkpoint.tensors.get("v")!), Uint8Array.of(1));
  const error = await assertRejects(
    () => readTensor(checkpoint.tensors.get("w")!),
    TinygraftError,
  );
  assertEquals(error.code, "changed-while-open");
  assert(header.tensors.size === 2);
});

Deno.test("a scalar and an empty tensor are read", async () => {
  using folder = new TempFolder();
  const path = folder.write(
    "m.safetensors",
    serialize([
      { name: "scalar", dtype: "F32", shape: [], data: new Uint8Array(Float32Array.of(2).buffer) },
      { name: "empty", dtype: "F32", shape: [0, 3], data: new Uint8Array(0) },
    ]),
  );
  using checkpoint = await openCheckpoint(path);
  assertEquals(await readFloats(checkpoint.tensors.get("scalar")!), Float32Array.of(2));
  assertEquals(await readFloats(checkpoint.tensors.get("empty")!), new Float32Array(0));
});
