import { assertEquals, assertRejects } from "@std/assert";
import { planConvert } from "../../lib/checkpoint/convert.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openCheckpoint, readTensor } from "../../lib/checkpoint/open.ts";
import { openConvertInput } from "../../lib/checkpoint/open_input.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { writeTinyAdapter, writeTinyBert } from "../_tiny_model.ts";
import { TempFolder, tensorFile } from "./_disk.ts";

/** Files that PyTorch wrote, and what is in them. */
const TORCH = new URL("../pytorch/fixtures/", import.meta.url);

const torchFile = (name: string) => Deno.readFileSync(new URL(name, TORCH));

/** What PyTorch says is in one of its files: name, dtype and base64 of the bytes. */
function expectedOf(file: string): string[][] {
  const lines = Deno.readTextFileSync(new URL("expected.tsv", TORCH)).trimEnd().split("\n");
  return lines.map((line) => line.split("\t")).filter(([name]) => name === file)
    .map(([, tensor, dtype, , bytes]) => [tensor!, dtype!, bytes!])
    .sort();
}

/** Converts without changes and lists what the copy holds, in the form of `expectedOf`. */
async function convertedOf(location: string, output: string): Promise<string[][]> {
  using input = await openConvertInput(location);
  const { plan } = await planConvert(input.checkpoint, output, { weights: input.weights });
  await execute(plan);
  using copy = await openCheckpoint(output);
  const found: string[][] = [];
  for (const [name, entry] of copy.tensors) {
    found.push([name, entry.dtype, (await readTensor(entry)).toBase64()]);
  }
  return found.sort();
}

Deno.test("openConvertInput() opens checkpoints and tells adapter folders apart", async () => {
  using folder = new TempFolder();
  await writeTinyBert(folder.join("base"), { sharded: true });
  await writeTinyAdapter(folder.join("adapter"));
  for (const [name, weights] of [["base", "model"], ["adapter", "adapter_model"]]) {
    using input = await openConvertInput(folder.join(name!));
    assertEquals(input.weights, `${weights}.safetensors`);
    assertEquals(input.foreign, []);
  }
  // A model's folder that holds an adapter too is a model's folder.
  await Deno.copyFile(
    folder.join("adapter", "adapter_model.safetensors"),
    folder.join("base", "adapter_model.safetensors"),
  );
  using input = await openConvertInput(folder.join("base"));
  assertEquals(input.weights, "model.safetensors");
});

for (const name of ["dtypes.pt", "views.bin", "views_legacy.bin"]) {
  Deno.test(`openConvertInput() opens ${name} whatever it is called`, async () => {
    using folder = new TempFolder();
    const path = folder.write("weights.safetensors", torchFile(name));
    assertEquals(await convertedOf(path, folder.join("out")), expectedOf(name));
  });
}

Deno.test("openConvertInput() opens a folder with PyTorch's weights, and keeps the rest", async () => {
  using folder = new TempFolder();
  folder.write("in/pytorch_model.bin", torchFile("views.bin"));
  folder.write("in/config.json", '{"model_type": "bert"}');
  folder.write("in/vocab.txt", "a\n");
  assertEquals(
    await convertedOf(folder.join("in"), folder.join("out")),
    expectedOf("views.bin"),
  );
  const names = Object.keys(folder.snapshot()).filter((path) => path.startsWith("out/"));
  assertEquals(names, ["out/config.json", "out/model.safetensors", "out/vocab.txt"]);
});

Deno.test("openConvertInput() joins PyTorch's shards", async () => {
  using folder = new TempFolder();
  folder.write("in/pytorch_model-00001-of-00002.bin", torchFile("views.bin"));
  folder.write("in/pytorch_model-00002-of-00002.bin", torchFile("dtypes.pt"));
  const weightMap: Record<string, string> = {
    "slice": "pytorch_model-00001-of-00002.bin",
    "f64": "pytorch_model-00002-of-00002.bin",
  };
  const index = JSON.stringify({ metadata: {}, weight_map: weightMap });
  folder.write("in/pytorch_model.bin.index.json", index);
  using input = await openConvertInput(folder.join("in"));
  assertEquals(input.foreign.map(({ format }) => format), ["pytorch", "pytorch"]);
  const want = [...expectedOf("views.bin"), ...expectedOf("dtypes.pt")].sort();
  assertEquals(await convertedOf(folder.join("in"), folder.join("out")), want);

  folder.write("in/pytorch_model-00002-of-00002.bin", torchFile("views_legacy.bin"));
  const error = await assertRejects(() => openConvertInput(folder.join("in")), TinygraftError);
  assertEquals(error.code, "tensor-in-two-shards");
});

Deno.test("openConvertInput() says what is wrong with what it cannot open", async () => {
  using folder = new TempFolder();
  const codeOf = async (location: string) =>
    (await assertRejects(() => openConvertInput(location), TinygraftError)).code;
  assertEquals(await codeOf(folder.join("absent")), "not-found");
  folder.write("empty/README.md", "nothing");
  assertEquals(await codeOf(folder.join("empty")), "not-a-checkpoint");
  const whole = tensorFile({ w: [1, 2, 3] });
  const cut = folder.write("cut.safetensors", whole.subarray(0, whole.length - 1));
  assertEquals(await codeOf(cut), "metadata-incomplete-buffer");
  folder.write("text/pytorch_model.bin", "this is no pickle");
  assertEquals(await codeOf(folder.join("text")), "not-a-checkpoint");
  const evil = new TextEncoder().encode("..cos\nsystem\n(S'true'\ntR.");
  evil.set([0x80, 2]); // a pickle of protocol 2
  folder.write("evil/pytorch_model.bin", evil);
  assertEquals(await codeOf(folder.join("evil")), "unsafe-pickle");
});
