import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { contentHash, crc32, fileHash, sha256 } from "../../lib/checkpoint/hash.ts";
import { type Checkpoint, openCheckpoint } from "../../lib/checkpoint/open.ts";
import { InterruptedError } from "../../lib/errors.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { writeTinyBert } from "../_tiny_model.ts";
import { TempFolder } from "./_disk.ts";

const hashOf = (checkpoint: Checkpoint) =>
  contentHash([...checkpoint.tensors].map(([name, entry]) => ({ name, entry })));

Deno.test("sha256() gives the standard's test vector", () => {
  const hash = sha256();
  hash.update(new TextEncoder().encode("a"));
  hash.update(new TextEncoder().encode("bc"));
  // FIPS 180-4, example "abc".
  assertEquals(hash.hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
});

Deno.test("crc32() gives the check value and can be continued", () => {
  const text = new TextEncoder().encode("123456789");
  assertEquals(crc32(text, 0), 0xcbf43926);
  assertEquals(crc32(text.subarray(4), crc32(text.subarray(0, 4), 0)), 0xcbf43926);
});

Deno.test("contentHash() is the hash of names, dtypes, shapes and data, by hand", async () => {
  using folder = new TempFolder();
  const path = folder.write(
    "m.safetensors",
    serialize([
      { name: "b", dtype: "I16", shape: [2, 1], data: Uint8Array.of(1, 2, 3, 4) },
      { name: "é", dtype: "U8", shape: [], data: Uint8Array.of(9) },
      { name: "a", dtype: "F32", shape: [0], data: new Uint8Array(0) },
    ], new Map([["format", "pt"]])),
  );
  // "a",0,"F32",0,"0",0 then "b",0,"I16",0,"2,1",0,1,2,3,4 then c3 a9,0,"U8",0,"",0,9.
  // deno-fmt-ignore
  const bytes = Uint8Array.of(
    0x61, 0, 0x46, 0x33, 0x32, 0, 0x30, 0,
    0x62, 0, 0x49, 0x31, 0x36, 0, 0x32, 0x2c, 0x31, 0, 1, 2, 3, 4,
    0xc3, 0xa9, 0, 0x55, 0x38, 0, 0, 9,
  );
  const want = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  using checkpoint = await openCheckpoint(path);
  assertEquals(await hashOf(checkpoint), want);
  const reversed = [...checkpoint.tensors].map(([name, entry]) => ({ name, entry })).reverse();
  assertEquals(await contentHash(reversed), want);
});

Deno.test("contentHash() is the same for one file and for shards", async () => {
  using folder = new TempFolder();
  await writeTinyBert(folder.join("single"), { layers: 1 });
  await writeTinyBert(folder.join("sharded"), { layers: 1, sharded: true });
  using single = await openCheckpoint(folder.join("single"));
  using sharded = await openCheckpoint(folder.join("sharded"));
  assertEquals(await hashOf(single), await hashOf(sharded));
});

Deno.test("contentHash() changes with names, values and dtypes", async () => {
  using folder = new TempFolder();
  const hashes: string[] = [];
  for (
    const [name, dtype, data] of [
      ["w", "U8", Uint8Array.of(1)],
      ["v", "U8", Uint8Array.of(1)],
      ["w", "I8", Uint8Array.of(1)],
      ["w", "U8", Uint8Array.of(2)],
    ] as const
  ) {
    const path = folder.write("m.safetensors", serialize([{ name, dtype, shape: [1], data }]));
    using checkpoint = await openCheckpoint(path);
    hashes.push(await hashOf(checkpoint));
  }
  assertEquals(new Set(hashes).size, 4);
});

Deno.test("contentHash() hashes tensors under the names it is given", async () => {
  using folder = new TempFolder();
  const data = Uint8Array.of(1);
  const long = folder.write(
    "a.safetensors",
    serialize([{ name: "bert.w", dtype: "U8", shape: [1], data }]),
  );
  const short = folder.write(
    "b.safetensors",
    serialize([{ name: "w", dtype: "U8", shape: [1], data }]),
  );
  using prefixed = await openCheckpoint(long);
  using bare = await openCheckpoint(short);
  assertNotEquals(await hashOf(prefixed), await hashOf(bare));
  const entry = prefixed.tensors.get("bert.w")!;
  assertEquals(await contentHash([{ name: "w", entry }]), await hashOf(bare));
});

Deno.test("fileHash() hashes every byte, across chunks, and says how far it is", async () => {
  const bytes = Uint8Array.from({ length: 5 * 1024 * 1024 + 7 }, (_, i) => i * 31 >> 3);
  const want = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
  let done = 0;
  const onBytes = (count: number) => void (done += count);
  assertEquals(await fileHash(new MemorySource(bytes), { onBytes }), want);
  assertEquals(done, bytes.length);
});

Deno.test("fileHash() stops when aborted", async () => {
  const source = new MemorySource(new Uint8Array(1));
  await assertRejects(() => fileHash(source, { signal: AbortSignal.abort() }), InterruptedError);
});
