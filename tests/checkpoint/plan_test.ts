import { assert, assertEquals, assertThrows } from "@std/assert";
import { type Checkpoint, openCheckpoint } from "../../lib/checkpoint/open.ts";
import { describePlan, type Plan, type PlannedFile } from "../../lib/checkpoint/plan.ts";
import { SafetensorsError, TinygraftError } from "../../lib/errors.ts";
import { TempFolder, tensorFile } from "./_disk.ts";

function planOf(files: readonly PlannedFile[], kind: "file" | "folder" = "folder"): Plan {
  return { output: "out", kind, inputs: [], files };
}

function copyOf(checkpoint: Checkpoint, name: string, as = name) {
  const from = checkpoint.tensors.get(name);
  assert(from !== undefined);
  return { kind: "copy" as const, name: as, dtype: from.dtype, shape: from.shape, from };
}

Deno.test("describePlan() tells each file, its bytes and where each tensor comes from", async () => {
  using folder = new TempFolder();
  const path = folder.write("in.safetensors", tensorFile({ v: [1], w: [2, 3] }));
  using checkpoint = await openCheckpoint(path);
  const description = describePlan(planOf([
    {
      kind: "safetensors",
      path: "model.safetensors",
      metadata: new Map([["format", "pt"]]),
      tensors: [
        copyOf(checkpoint, "v"),
        copyOf(checkpoint, "w", "bert.w"),
        {
          kind: "data",
          name: "fresh",
          dtype: "F32",
          shape: [2],
          data: () => Promise.reject(new Error("a description computes nothing")),
          origin: "initialised, seed 1",
        },
      ],
    },
    { kind: "bytes", path: "config.json", bytes: new Uint8Array(7), origin: "edited" },
    { kind: "copy", path: "vocab.txt", from: "/base/vocab.txt", byteLength: 11 },
    { kind: "link", path: "shard.safetensors", from: "/base/shard.safetensors", byteLength: 13 },
  ]));
  // 8 length bytes, the header padded to a multiple of 8, then 8 + 2 + 1 bytes of data.
  const header = '{"__metadata__":{"format":"pt"},' +
    '"fresh":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},' +
    '"bert.w":{"dtype":"U8","shape":[2],"data_offsets":[8,10]},' +
    '"v":{"dtype":"U8","shape":[1],"data_offsets":[10,11]}}';
  const bytes = 8 + Math.ceil(header.length / 8) * 8 + 11;
  assertEquals(description, {
    output: "out",
    bytes: bytes + 7 + 11 + 13,
    files: [
      {
        path: "model.safetensors",
        bytes,
        action: "write",
        tensors: [
          { name: "fresh", dtype: "F32", shape: [2], bytes: 8, from: "initialised, seed 1" },
          { name: "bert.w", dtype: "U8", shape: [2], bytes: 2, from: `${path}: w` },
          { name: "v", dtype: "U8", shape: [1], bytes: 1, from: path },
        ],
      },
      { path: "config.json", bytes: 7, action: "write", from: "edited" },
      { path: "vocab.txt", bytes: 11, action: "copy", from: "/base/vocab.txt" },
      { path: "shard.safetensors", bytes: 13, action: "link", from: "/base/shard.safetensors" },
    ],
  });
});

const bytesFile = (path: string): PlannedFile => ({
  kind: "bytes",
  path,
  bytes: new Uint8Array(1),
  origin: "made",
});

for (const path of ["", "../x", "a/../b", "/x", "a//b", "a\\b", "."]) {
  Deno.test(`describePlan() refuses the path "${path}" in a folder`, () => {
    const error = assertThrows(() => describePlan(planOf([bytesFile(path)])), TinygraftError);
    assertEquals(error.code, "unsafe-file-name");
  });
}

Deno.test("describePlan() refuses one path twice", () => {
  const plan = planOf([bytesFile("a"), bytesFile("a")]);
  const error = assertThrows(() => describePlan(plan), TinygraftError, "twice");
  assertEquals(error.code, "unsafe-file-name");
});

Deno.test("describePlan() refuses more or less than one file for a file", () => {
  for (const files of [[], [bytesFile(""), bytesFile("b")], [bytesFile("a")]]) {
    const error = assertThrows(() => describePlan(planOf(files, "file")), TinygraftError);
    assertEquals(error.code, "unsafe-file-name");
  }
  assertEquals(describePlan(planOf([bytesFile("")], "file")).bytes, 1);
});

Deno.test("describePlan() refuses a copy under another dtype or shape", async () => {
  using folder = new TempFolder();
  const path = folder.write("in.safetensors", tensorFile({ w: [2, 3] }));
  using checkpoint = await openCheckpoint(path);
  const step = copyOf(checkpoint, "w");
  for (const wrong of [{ ...step, dtype: "I8" as const }, { ...step, shape: [1, 2] }]) {
    const file: PlannedFile = {
      kind: "safetensors",
      path: "m",
      metadata: new Map(),
      tensors: [wrong],
    };
    const error = assertThrows(() => describePlan(planOf([file])), TinygraftError);
    assertEquals([error.code, error.tensor], ["invalid-tensor-view", "w"]);
  }
});

Deno.test("describePlan() refuses what could not be read back", async () => {
  using folder = new TempFolder();
  const path = folder.write("in.safetensors", tensorFile({ w: [2, 3] }));
  using checkpoint = await openCheckpoint(path);
  const tensors = [copyOf(checkpoint, "w"), copyOf(checkpoint, "w")];
  const file: PlannedFile = { kind: "safetensors", path: "m", metadata: new Map(), tensors };
  const error = assertThrows(() => describePlan(planOf([file])), SafetensorsError);
  assertEquals(error.code, "duplicate-key");
});
