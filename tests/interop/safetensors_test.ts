// The format against the reference implementation, Python's safetensors 0.8.0.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import fc from "fast-check";
import { checkSource } from "../../lib/safetensors/reader.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { seededRandom } from "../_noise.ts";
import { metadata, tensors } from "../safetensors/_arbitrary.ts";
import type { TensorWithData } from "../safetensors/_files.ts";
import { mutate } from "../safetensors/_mutate.ts";

type PeerTensor = [name: string, dtype: string, shape: number[], data: string];

interface Results {
  readonly written: readonly string[];
  readonly read: readonly (readonly PeerTensor[] | null)[];
}

interface Content {
  readonly tensors: readonly TensorWithData[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Hands all files to one Python process and returns what it makes of them. */
async function askPeer(write: readonly Content[], read: readonly Uint8Array[]): Promise<Results> {
  const python = Deno.env.get("TINYGRAFT_PYTHON");
  if (!python) {
    throw new Error("TINYGRAFT_PYTHON is not set: run `deno task test:real`, which sets it up");
  }
  const folder = await Deno.makeTempDir();
  try {
    const jobs = {
      write: write.map((content) => ({
        tensors: content.tensors.map((tensor) => ({ ...tensor, data: tensor.data.toBase64() })),
        metadata: content.metadata.size > 0 ? Object.fromEntries(content.metadata) : null,
      })),
      read: read.map((bytes) => bytes.toBase64()),
    };
    await Deno.writeTextFile(`${folder}/jobs.json`, JSON.stringify(jobs));
    const script = fromFileUrl(new URL("./safetensors_peer.py", import.meta.url));
    const { success, stderr } = await new Deno.Command(python, { args: [script, folder] }).output();
    if (!success) throw new Error(`The Python peer failed: ${new TextDecoder().decode(stderr)}`);
    return JSON.parse(await Deno.readTextFile(`${folder}/results.json`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Random contents that Python can write: no F6, and no order of several metadata keys. */
function contents(seed: number, count: number): Content[] {
  const content = fc.record({ tensors, metadata: metadata(1) }).map((content) => ({
    ...content,
    tensors: content.tensors.filter(({ dtype }) => !dtype.startsWith("F6")),
  }));
  return fc.sample(content, { seed, numRuns: count });
}

/** What our reader makes of a file, in the peer's form and order; null when it is refused. */
async function readOurs(file: Uint8Array): Promise<PeerTensor[] | null> {
  const { header } = await checkSource(new MemorySource(file));
  if (header === undefined) return null;
  return [...header.tensors].map(([name, { dtype, shape, dataOffsets: [begin, end] }]) => {
    const data = file.subarray(header.dataStart + begin, header.dataStart + end);
    return [name, dtype, [...shape], data.toBase64()];
  });
}

Deno.test("serialize() writes the bytes that Python's writer does", async () => {
  const all = contents(6, 300);
  const { written } = await askPeer(all, []);
  assertEquals(written.length, 300);
  for (const [i, content] of all.entries()) {
    const ours = serialize(content.tensors, content.metadata);
    assertEquals(ours, Uint8Array.fromBase64(written[i]!), `file ${i}`);
  }
});

Deno.test("readHeader() accepts no damaged file that Python refuses", async () => {
  const random = seededRandom(7);
  const files = contents(8, 200).flatMap((content) => {
    const file = serialize(content.tensors, content.metadata);
    return Array.from({ length: 5 }, () => mutate(file, random));
  });
  const { read } = await askPeer([], files);
  const counts = { both: 0, onlyPython: 0, none: 0 };
  for (const [i, file] of files.entries()) {
    const ours = await readOurs(file);
    const theirs = read[i] ?? null;
    if (ours === null) {
      counts[theirs === null ? "none" : "onlyPython"]++;
      continue;
    }
    const text = new TextDecoder().decode(file);
    assert(theirs !== null, `file ${i} is accepted, but Python refuses it: ${text}`);
    const byName = (tensors: readonly PeerTensor[]) =>
      new Map(tensors.map(([name, ...rest]) => [name, rest]));
    assertEquals(byName(ours), byName(theirs), `file ${i}`);
    counts.both++;
  }
  // The damage must reach both ways through both readers, else nothing was compared.
  assert(counts.both >= 50 && counts.none >= 500, JSON.stringify(counts));
});
