import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { type ConvertOptions, planConvert } from "../../lib/checkpoint/convert.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openCheckpoint, readFloats, readTensor } from "../../lib/checkpoint/open.ts";
import { describePlan } from "../../lib/checkpoint/plan.ts";
import { validateLocation } from "../../lib/checkpoint/validate.ts";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import type { Dtype } from "../../lib/tensor/dtype.ts";
import { noise } from "../_noise.ts";
import { type TinyBertOptions, writeTinyBert } from "../_tiny_model.ts";
import { TempFolder } from "./_disk.ts";

/** Converts and gives back what the plan said it would do. */
async function convertTo(input: string, output: string, options: ConvertOptions = {}) {
  using checkpoint = await openCheckpoint(input);
  const { plan, ...result } = await planConvert(checkpoint, output, options);
  const described = describePlan(plan);
  const written = await execute(plan);
  assertEquals(written.map(({ bytes }) => bytes), described.files.map(({ bytes }) => bytes));
  return { ...result, described };
}

/** Every tensor of a checkpoint: name to dtype, shape and data in hexadecimal. */
async function contentOf(location: string): Promise<Map<string, readonly unknown[]>> {
  using checkpoint = await openCheckpoint(location);
  const content = new Map<string, readonly unknown[]>();
  for (const [name, entry] of checkpoint.tensors) {
    content.set(name, [entry.dtype, entry.shape, (await readTensor(entry)).toHex()]);
  }
  return content;
}

async function dtypesOf(location: string): Promise<Record<string, Dtype>> {
  using checkpoint = await openCheckpoint(location);
  return Object.fromEntries([...checkpoint.tensors].map(([name, { dtype }]) => [name, dtype]));
}

async function makeBase(folder: TempFolder, options: TinyBertOptions = {}) {
  await writeTinyBert(folder.join("base"), { positionIds: true, layers: 1, ...options });
  return folder.join("base");
}

/** A file with one tensor of F32. */
function valuesFile(folder: TempFolder, values: readonly number[], name = "w"): string {
  const data = encodeFloats(Float32Array.from(values), "F32");
  const specs = [{ name, dtype: "F32" as const, shape: [values.length], data }];
  return folder.write("in.safetensors", serialize(specs));
}

Deno.test("planConvert() joins shards, and keeps tensors, config and companions as they are", async () => {
  using folder = new TempFolder();
  const base = await makeBase(folder, { sharded: true });
  folder.write("base/README.md", "about");
  const { described } = await convertTo(base, folder.join("out"));
  assertEquals(described.files.map(({ path, action }) => `${action} ${path}`), [
    "write model.safetensors",
    "copy config.json",
    "copy README.md",
    "copy tokenizer.json",
    "copy tokenizer_config.json",
  ]);
  assertEquals(await contentOf(folder.join("out")), await contentOf(base));
  for (const name of ["config.json", "README.md", "tokenizer.json"]) {
    const copied = await Deno.readFile(folder.join("out", name));
    assertEquals(copied, await Deno.readFile(folder.join("base", name)));
  }
});

Deno.test("planConvert() casts floats, leaves integers and restates config.json's dtype", async () => {
  using folder = new TempFolder();
  const base = await makeBase(folder, { config: { torch_dtype: "float32" } });
  const { casts, notCast } = await convertTo(base, folder.join("out"), { dtype: "BF16" });
  const before = await contentOf(base);
  using original = await openCheckpoint(base);
  const want = new Map(before);
  for (const [name, entry] of original.tensors) {
    if (entry.dtype !== "F32") continue;
    const data = encodeFloats(await readFloats(entry), "BF16");
    want.set(name, ["BF16", entry.shape, data.toHex()]);
  }
  assertEquals(await contentOf(folder.join("out")), want);
  assertEquals(want.get("embeddings.position_ids")?.[0], "I64");
  assertEquals([casts.length, notCast], [before.size - 1, []]);
  assert(
    casts.every(({ from, to, tally }) =>
      from === "F32" && to === "BF16" && tally !== undefined && tally.elements > 0
    ),
  );
  const config = await Deno.readTextFile(folder.join("out", "config.json"));
  const text = await Deno.readTextFile(folder.join("base", "config.json"));
  assertEquals(config, text.replace('"float32"', '"bfloat16"'));
  assertEquals((await validateLocation(folder.join("out"))).ok, true);
});

Deno.test("planConvert() casts large tensors in pieces as if they were whole", async () => {
  using folder = new TempFolder();
  const values = noise(2_500_003, { seed: 9, scale: 30 });
  const path = valuesFile(folder, [...values]);
  const targets = [["F16", 2], ["F64", 8]] as const;
  for (const [dtype, width] of targets) {
    const output = folder.join(`${dtype}.safetensors`);
    await convertTo(path, output, { dtype });
    using copy = await openCheckpoint(output);
    const bytes = await readTensor(copy.tensors.get("w")!);
    assertEquals(bytes.byteLength, values.length * width);
    assert(encodeFloats(values, dtype).every((byte, i) => byte === bytes[i]));
  }
  // F64 holds every F32: back again nothing has changed.
  await convertTo(folder.join("F64.safetensors"), folder.join("back.safetensors"), {
    dtype: "F32",
  });
  assertEquals(await contentOf(folder.join("back.safetensors")), await contentOf(path));
});

Deno.test("planConvert() refuses values without a place, counts them, and leaves nothing", async () => {
  using folder = new TempFolder();
  const path = valuesFile(folder, [1, 7e4, -1e6, Infinity, NaN, 65519, 65520]);
  const output = folder.join("out.safetensors");
  const before = folder.snapshot();
  const error = await assertRejects(
    () => convertTo(path, output, { dtype: "F16" }),
    TinygraftError,
  );
  assertEquals([error.code, error.tensor, error.path], ["value-out-of-range", "w", path]);
  assertMatch(error.message, /: 3 of 7 values have no place there \(3 beyond .* up to 1000000\)/);
  assertEquals(folder.snapshot(), before);

  const { casts } = await convertTo(path, output, { dtype: "F16", saturate: true });
  assertEquals(casts[0]?.tally, {
    elements: 7,
    beyond: 3,
    largest: 1e6,
    infinite: 0,
    nan: 0,
    toZero: 0,
  });
  using copy = await openCheckpoint(output);
  const floats = await readFloats(copy.tensors.get("w")!);
  assertEquals([...floats], [1, 65504, -65504, Infinity, NaN, 65504, 65504]);
});

Deno.test("planConvert() names infinities and NaN that a dtype lacks, even when it clamps", async () => {
  using folder = new TempFolder();
  const path = valuesFile(folder, [Infinity, NaN, 0.25]);
  const attempt = (dtype: "F8_E4M3" | "I8", saturate: boolean) =>
    convertTo(path, folder.join("out.safetensors"), { dtype, saturate, cast: ["w"] });
  const float = await assertRejects(() => attempt("F8_E4M3", false), TinygraftError);
  assertMatch(float.message, /1 of 3 values .* \(1 infinite\).*--saturate/);
  const integer = await assertRejects(() => attempt("I8", true), TinygraftError);
  assertMatch(integer.message, /1 of 3 values .* \(1 infinite; 1 NaN\).*choose a float dtype/);
  assertEquals(float.code, integer.code);
});

Deno.test("planConvert() casts what `cast` names, and not what `keep` names", async () => {
  using folder = new TempFolder();
  const base = await makeBase(folder, { config: { dtype: "float32" } });
  const dtypes = await dtypesOf(base);
  const { casts } = await convertTo(base, folder.join("kept"), {
    dtype: "F16",
    keep: ["*LayerNorm*"],
  });
  const norms = Object.keys(dtypes).filter((name) => name.includes("LayerNorm"));
  const kept = await dtypesOf(folder.join("kept"));
  assertEquals(casts.length, Object.keys(dtypes).length - norms.length - 1);
  assertEquals(Object.keys(kept).filter((name) => kept[name] === "F32"), norms);
  // Not all weights have the new dtype, so loaders must not be told that they have.
  const config = JSON.parse(await Deno.readTextFile(folder.join("kept", "config.json")));
  assertEquals(config.dtype, "float32");

  const named = await convertTo(base, folder.join("named"), {
    dtype: "I32",
    cast: ["*position_ids", "*.token_type_embeddings.*"],
    keep: ["*.token_type_embeddings.*"],
  });
  assertEquals(named.casts.map(({ name, from, to }) => [name, from, to]), [
    ["embeddings.position_ids", "I64", "I32"],
  ]);
  // Without names an integer dtype takes the integers.
  const integers = await convertTo(base, folder.join("integers"), { dtype: "I16" });
  assertEquals(integers.casts.map(({ name }) => name), ["embeddings.position_ids"]);
});

Deno.test("planConvert() copies floats below 8 bits and block scales, and refuses to cast them", async () => {
  using folder = new TempFolder();
  const bytes = serialize([
    { name: "packed", dtype: "F4", shape: [2], data: Uint8Array.of(0x12) },
    { name: "scale", dtype: "F8_E8M0", shape: [1], data: Uint8Array.of(127) },
    { name: "w", dtype: "F8_E5M2", shape: [1], data: Uint8Array.of(0x3c) },
  ]);
  const path = folder.write("in.safetensors", bytes);
  const output = folder.join("out.safetensors");
  const { notCast } = await convertTo(path, output, { dtype: "F32" });
  assertEquals(notCast, ["packed", "scale"]);
  assertEquals(await dtypesOf(output), { packed: "F4", scale: "F8_E8M0", w: "F32" });
  using checkpoint = await openCheckpoint(path);
  const error = await assertRejects(
    () => planConvert(checkpoint, folder.join("o"), { dtype: "F32", cast: ["packed"] }),
    TinygraftError,
  );
  assertEquals([error.code, error.tensor], ["unsupported-dtype", "packed"]);
});

Deno.test("planConvert() selects and renames tensors by their names in the input", async () => {
  using folder = new TempFolder();
  const base = await makeBase(folder, { prefix: "bert." });
  const { renamed, leftOut } = await convertTo(base, folder.join("out"), {
    include: ["bert.embeddings.*", "*.pooler.*"],
    exclude: ["*position*"],
    rename: [{ pattern: /^bert\./gu, replacement: "" }],
  });
  const before = await contentOf(base);
  const after = await contentOf(folder.join("out"));
  assertEquals([...after.keys()], [
    "embeddings.LayerNorm.bias",
    "embeddings.LayerNorm.weight",
    "embeddings.token_type_embeddings.weight",
    "embeddings.word_embeddings.weight",
    "pooler.dense.bias",
    "pooler.dense.weight",
  ]);
  for (const [name, content] of after) assertEquals(content, before.get(`bert.${name}`));
  assertEquals([...renamed], [...after.keys()].map((name) => [`bert.${name}`, name]));
  assertEquals(leftOut.length, before.size - after.size);
});

Deno.test("planConvert() refuses patterns without a match, collisions and an empty result", async () => {
  using folder = new TempFolder();
  const base = await makeBase(folder);
  using checkpoint = await openCheckpoint(base);
  const codeOf = async (options: ConvertOptions) => {
    const plan = () => planConvert(checkpoint, folder.join("out"), options);
    return (await assertRejects(plan, TinygraftError)).code;
  };
  assertEquals(await codeOf({ include: ["bert.*"] }), "no-match");
  assertEquals(await codeOf({ exclude: ["bert.*"] }), "no-match");
  assertEquals(await codeOf({ exclude: ["*"] }), "no-match");
  assertEquals(await codeOf({ dtype: "F16", keep: ["nothing"] }), "no-match");
  const rename = [{ pattern: /query|key/gu, replacement: "x" }];
  assertEquals(await codeOf({ rename }), "name-collision");
});

Deno.test("planConvert() divides into shards that open, validate and join again", async () => {
  using folder = new TempFolder();
  const base = await makeBase(folder);
  const { described } = await convertTo(base, folder.join("shards"), {
    dtype: "F16",
    maxShardBytes: 20_000,
  });
  const weights = described.files.filter(({ tensors }) => tensors !== undefined);
  assert(weights.length > 2);
  assert(
    weights.every(({ path }, i) =>
      path === `model-0000${i + 1}-of-0000${weights.length}.safetensors`
    ),
  );
  assert(
    weights.every(({ tensors }) =>
      tensors!.length === 1 || tensors!.reduce((sum, { bytes }) => sum + bytes, 0) <= 20_000
    ),
  );
  const index = JSON.parse(
    await Deno.readTextFile(folder.join("shards", "model.safetensors.index.json")),
  );
  const all = weights.flatMap(({ tensors }) => tensors!);
  const size = all.reduce((sum, { bytes }) => sum + bytes, 0);
  const parameters = all.filter(({ dtype }) => dtype === "F16")
    .reduce((sum, { bytes }) => sum + bytes / 2, 0);
  assertEquals(index.metadata, { total_parameters: parameters, total_size: size });
  const { ok, files } = await validateLocation(folder.join("shards"));
  assertEquals([ok, files.flatMap(({ warnings }) => warnings)], [true, []]);

  await convertTo(folder.join("shards"), folder.join("joined"));
  await convertTo(base, folder.join("direct"), { dtype: "F16" });
  assertEquals(await contentOf(folder.join("joined")), await contentOf(folder.join("direct")));
});

Deno.test("planConvert() edits metadata, joins it and refuses shards that disagree", async () => {
  using folder = new TempFolder();
  const shard = (metadata: Record<string, string>, name: string) => {
    const data = new Uint8Array(1);
    const map = new Map(Object.entries(metadata));
    return serialize([{ name, dtype: "U8", shape: [1], data }], map);
  };
  folder.write("in/a.safetensors", shard({ note: "one", shared: "yes", old: "x" }, "a"));
  folder.write("in/b.safetensors", shard({ note: "two", shared: "yes" }, "b"));
  const weightMap = { a: "a.safetensors", b: "b.safetensors" };
  folder.write(
    "in/model.safetensors.index.json",
    JSON.stringify({ metadata: { total_size: 2 }, weight_map: weightMap }),
  );
  const conflict = await assertRejects(
    () => convertTo(folder.join("in"), folder.join("out")),
    TinygraftError,
  );
  assertEquals(conflict.code, "metadata-conflict");

  const metadataOf = async (name: string, options: ConvertOptions) => {
    await convertTo(folder.join("in"), folder.join(name), options);
    using checkpoint = await openCheckpoint(folder.join(name));
    return Object.fromEntries(checkpoint.metadata);
  };
  const set = { metadata: new Map([["note", "é"]]), unsetMetadata: ["old", "absent"] };
  assertEquals(await metadataOf("set", set), { note: "é", shared: "yes", format: "pt" });
  const unset = { unsetMetadata: ["note", "old", "shared", "format"] };
  assertEquals(await metadataOf("unset", unset), {});
  // In every shard, since a reader may see only one.
  await convertTo(folder.join("in"), folder.join("sharded"), { ...set, maxShardBytes: 1 });
  using sharded = await openCheckpoint(folder.join("sharded"));
  assertEquals(sharded.files.map(({ header }) => header.metadata.get("note")), ["é", "é"]);
});

Deno.test("planConvert() writes one file when a file is named, and no shards into it", async () => {
  using folder = new TempFolder();
  const base = await makeBase(folder, { sharded: true });
  const output = folder.join("out.safetensors");
  const { described } = await convertTo(base, output, { dtype: "F16" });
  assertEquals(described.files.map(({ path }) => path), [""]);
  using checkpoint = await openCheckpoint(base);
  await assertRejects(
    () => planConvert(checkpoint, folder.join("b.safetensors"), { maxShardBytes: 1 }),
    UsageError,
  );
});

Deno.test("planConvert() never writes over its input", async () => {
  using folder = new TempFolder();
  const base = await makeBase(folder);
  using checkpoint = await openCheckpoint(base);
  const { plan } = await planConvert(checkpoint, base, { dtype: "F16" });
  const error = await assertRejects(() => execute(plan, { force: true }), TinygraftError);
  assertEquals(error.code, "output-is-input");
});
