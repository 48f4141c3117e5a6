import { assert, assertEquals, assertRejects } from "@std/assert";
import { validateLocation } from "../../lib/checkpoint/validate.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { writeTinyAdapter, writeTinyBert } from "../_tiny_model.ts";
import { indexText, TempFolder, tensorFile } from "./_disk.ts";

const A = "model-00001-of-00002.safetensors";
const B = "model-00002-of-00002.safetensors";
const INDEX = "model.safetensors.index.json";

/** Codes by file name, files without findings left out. */
async function codes(location: string): Promise<Record<string, string[]>> {
  const { ok, files } = await validateLocation(location);
  assertEquals(ok, files.every(({ faults }) => faults.length === 0));
  const found = files.map(({ path, faults, warnings }): [string, string[]] => [
    path.slice(path.lastIndexOf("/") + 1),
    [...faults.map(({ code }) => code), ...warnings.map(({ code }) => `warn ${code}`)],
  ]);
  return Object.fromEntries(found.filter(([, list]) => list.length > 0));
}

function shards(): TempFolder {
  const folder = new TempFolder();
  folder.write(A, tensorFile({ x: [1, 2] }, { format: "pt" }));
  folder.write(B, tensorFile({ y: [3] }, { format: "pt" }));
  folder.write(INDEX, indexText({ x: A, y: B }, { total_parameters: 3, total_size: 3 }));
  return folder;
}

for (const sharded of [false, true]) {
  for (const prefix of ["", "bert."] as const) {
    Deno.test(`validateLocation() finds nothing in a sound model (${prefix}, ${sharded})`, async () => {
      using folder = new TempFolder();
      await writeTinyBert(folder.path, { sharded, prefix, positionIds: true, gammaBeta: true });
      assertEquals(await codes(folder.path), {});
      const { ok, files } = await validateLocation(folder.path);
      assert(ok);
      assertEquals(files.length, sharded ? 5 : 2);
    });
  }
}

Deno.test("validateLocation() checks one file, and an adapter's folder", async () => {
  using folder = new TempFolder();
  await writeTinyAdapter(folder.path);
  assertEquals(await codes(folder.path), {});
  assertEquals(await codes(folder.join("adapter_model.safetensors")), {});
});

Deno.test("validateLocation() throws where there is nothing to validate", async () => {
  using folder = new TempFolder();
  const nothing = await assertRejects(() => validateLocation(folder.path), TinygraftError);
  assertEquals(nothing.code, "not-a-checkpoint");
  const nowhere = await assertRejects(() => validateLocation(folder.join("x")), TinygraftError);
  assertEquals(nowhere.code, "not-found");
});

Deno.test("validateLocation() goes on after a malformed file", async () => {
  using folder = shards();
  folder.write(A, "{}");
  assertEquals(await codes(folder.path), { [A]: ["header-too-small"] });
});

Deno.test("validateLocation() reports files that cannot be read", async () => {
  using folder = new TempFolder();
  folder.write("model.safetensors", tensorFile({ x: [1] }));
  await Deno.mkdir(folder.join("odd.safetensors"));
  await Deno.symlink("nowhere", folder.join("lost.safetensors"));
  assertEquals(await codes(folder.path), {
    "lost.safetensors": ["not-found"],
    "odd.safetensors": ["unreadable"],
  });
});

const INDEX_FAULTS: [what: string, breakIt: (folder: TempFolder) => void, codes: string[]][] = [
  ["a missing shard", (folder) => Deno.removeSync(folder.join(B)), ["missing-shard"]],
  [
    "a shard that it does not name",
    (folder) => folder.write("model-00003-of-00003.safetensors", tensorFile({ z: [1] })),
    ["unlisted-shard"],
  ],
  [
    "a single file that it does not name",
    (folder) => folder.write("model.safetensors", tensorFile({ z: [1] })),
    ["invalid-index"],
  ],
  [
    "a tensor in two shards",
    (folder) => folder.write(B, tensorFile({ x: [1, 2], y: [3] })),
    ["tensor-in-two-shards", "wrong-total-size"],
  ],
  [
    "a tensor that it does not name",
    (folder) => folder.write(B, tensorFile({ y: [3], z: [] })),
    ["tensor-not-in-index"],
  ],
  [
    "a tensor that is not there",
    (folder) => folder.write(B, tensorFile({ z: [3] })),
    ["tensor-not-in-index", "tensor-not-in-shard"],
  ],
  [
    "a wrong total",
    (folder) =>
      folder.write(INDEX, indexText({ x: A, y: B }, { total_parameters: 3, total_size: 4 })),
    ["wrong-total-size"],
  ],
  [
    "a total that is no number",
    (folder) =>
      folder.write(INDEX, indexText({ x: A, y: B }, { total_parameters: 3, total_size: "3" })),
    ["wrong-total-size"],
  ],
  [
    "no metadata",
    (folder) => folder.write(INDEX, `{"weight_map":{"x":"${A}","y":"${B}"}}`),
    ["warn missing-index-metadata"],
  ],
  [
    "metadata that disagree",
    (folder) => folder.write(B, tensorFile({ y: [3] }, { format: "tf" })),
    ["metadata-conflict"],
  ],
  [
    "a name that leaves the folder",
    (folder) => folder.write(INDEX, indexText({ x: "../x" })),
    ["unsafe-file-name"],
  ],
  [
    "one key twice",
    (folder) => folder.write(INDEX, `{"weight_map":{"x":"${A}","x":"${A}"}}`),
    ["duplicate-key"],
  ],
  ["text that is no JSON", (folder) => folder.write(INDEX, "{"), ["invalid-index"]],
  ["bytes that are no text", (folder) => folder.write(INDEX, Uint8Array.of(255)), [
    "invalid-encoding",
  ]],
];

for (const [what, breakIt, expected] of INDEX_FAULTS) {
  Deno.test(`validateLocation() finds an index with ${what}`, async () => {
    using folder = shards();
    breakIt(folder);
    assertEquals(await codes(folder.path), { [INDEX]: expected });
  });
}

Deno.test("validateLocation() lists several faults of an index at once", async () => {
  using folder = shards();
  folder.write(B, tensorFile({ x: [1], z: [3] }));
  folder.write("model-00003-of-00003.safetensors", tensorFile({}));
  assertEquals(await codes(folder.path), {
    [INDEX]: [
      "unlisted-shard",
      "tensor-in-two-shards",
      "tensor-not-in-index",
      "tensor-not-in-shard",
      "wrong-total-size",
    ],
  });
});

Deno.test("validateLocation() compares config.json with the tensors", async () => {
  using folder = new TempFolder();
  await writeTinyBert(folder.path, { layers: 1, config: { num_hidden_layers: 2, vocab_size: 9 } });
  const { "config.json": found = [] } = await codes(folder.path);
  assertEquals(found.filter((code) => code === "missing-tensor").length, 16);
  assertEquals(found.filter((code) => code === "shape-mismatch").length, 1);
  assertEquals(found.length, 17);
});

Deno.test("validateLocation() reports a config.json that is no JSON", async () => {
  using folder = new TempFolder();
  await writeTinyBert(folder.path, { layers: 1 });
  folder.write("config.json", "{");
  assertEquals(await codes(folder.path), { "config.json": ["invalid-json"] });
});

Deno.test("validateLocation() does not blame config.json for a shard it cannot read", async () => {
  using folder = new TempFolder();
  await writeTinyBert(folder.path, { layers: 1, sharded: true });
  folder.write("model-00002-of-00003.safetensors", "{}");
  assertEquals(await codes(folder.path), {
    "model-00002-of-00003.safetensors": ["header-too-small"],
  });
});
