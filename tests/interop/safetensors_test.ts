// The format against the reference implementation, Python's safetensors 0.8.0.
//
// The seeds are printed; TINYGRAFT_SEED sets another one.

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { crc32 } from "../../lib/checkpoint/hash.ts";
import type { Finding } from "../../lib/safetensors/header.ts";
import { checkSource } from "../../lib/safetensors/reader.ts";
import { layoutFile, serialize } from "../../lib/safetensors/writer.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { seededRandom } from "../_noise.ts";
import { metadata, tensors } from "../safetensors/_arbitrary.ts";
import { CountingSource } from "../safetensors/_counting.ts";
import { mutate } from "../safetensors/_mutate.ts";
import { mutateStructure, STRUCTURE_KINDS } from "../safetensors/_mutate_structure.ts";
import { REGRESSIONS } from "../safetensors/_regressions.ts";
import { askPeer, type Content, type PeerTensor } from "./_safetensors_peer.ts";

const SEED = Number(Deno.env.get("TINYGRAFT_SEED") ?? 6);
const WRITTEN = 2_000;
const DAMAGED = 22_000;
/** Far beyond what any of these small files may take. */
const MAX_MILLISECONDS = 1_000;

/** Where we are stricter than the reference, by code and by what the message says. */
const STRICTER: readonly (readonly [code: string, message: RegExp, why: string])[] = [
  ["duplicate-key", /twice/, "the specification forbids it, and readers disagree about the winner"],
  ["dimension-too-large", /over 2\^53 - 1/, "the number cannot be held exactly"],
  [
    "invalid-header-deserialization",
    /found a JSON array for its entry/,
    "the specification wants an object",
  ],
  [
    "invalid-header-deserialization",
    /found a JSON object for dtype/,
    "the specification wants a string",
  ],
];

/** Random contents that Python can write: no F6, and no order of several metadata keys. */
function contents(seed: number, count: number): Content[] {
  const content = fc.record({ tensors, metadata: metadata(1) }).map((content) => ({
    ...content,
    tensors: content.tensors.filter(({ dtype }) => !dtype.startsWith("F6_")),
  }));
  return fc.sample(content, { seed, numRuns: count });
}

/** What our reader makes of a file: its tensors in the peer's form, or its faults. */
async function readOurs(file: Uint8Array): Promise<PeerTensor[] | Finding[]> {
  const source = new CountingSource(new MemorySource(file));
  const begun = performance.now();
  const { header, faults } = await checkSource(source);
  const milliseconds = performance.now() - begun;
  assert(milliseconds < MAX_MILLISECONDS, `${milliseconds} ms for ${file.length} bytes`);
  assert(source.bytes <= 2 * file.length, `${source.bytes} bytes read of ${file.length}`);
  if (header === undefined) return faults;
  return [...header.tensors].map(([name, tensor]): PeerTensor => {
    const { dtype, shape, dataOffsets: [begin, end] } = tensor;
    const data = file.subarray(header.dataStart + begin, header.dataStart + end);
    return [name, dtype, [...shape], crc32(data, 0)];
  });
}

function isRefused(ours: PeerTensor[] | Finding[]): ours is Finding[] {
  return ours[0] !== undefined && !Array.isArray(ours[0]);
}

function isDocumented(faults: readonly Finding[]): boolean {
  const [first] = faults;
  return STRICTER.some(([code, message]) => code === first?.code && message.test(first.message));
}

interface Damaged {
  readonly file: Uint8Array;
  /** How it was made. */
  readonly how: string;
}

/** Half of the files are damaged with a plan, a quarter at random, a quarter both ways. */
function damagedFiles(seed: number, count: number): Damaged[] {
  const random = seededRandom(seed);
  const bases = contents(seed, Math.ceil(count / 22));
  return Array.from({ length: count }, (_, i) => {
    const content = bases[i % bases.length]!;
    if (i % 4 === 3) {
      return { file: mutate(serialize(content.tensors, content.metadata), random), how: "bytes" };
    }
    const layout = layoutFile(content.tensors, content.metadata);
    const { file, kinds } = mutateStructure(layout, content.metadata, random);
    if (i % 4 < 2 || file.length < 8) return { file, how: kinds.join("+") };
    return { file: mutate(file, random), how: `${kinds.join("+")}+bytes` };
  });
}

Deno.test(`serialize() writes the bytes that Python's writer does, ${WRITTEN} times`, async () => {
  console.log(`seed ${SEED}`);
  const all = contents(SEED, WRITTEN);
  const { written } = await askPeer(all, []);
  assertEquals(written.length, WRITTEN);
  const seen = new Set<string>();
  for (const [i, content] of all.entries()) {
    const ours = serialize(content.tensors, content.metadata);
    const theirs = written[i]!;
    const isSame = ours.length === theirs.length && ours.every((byte, at) => byte === theirs[at]);
    if (!isSame) assertEquals(ours, theirs, `seed ${SEED}, file ${i}`);
    for (const { dtype, shape, data } of content.tensors) {
      seen.add(dtype);
      seen.add(shape.length === 0 ? "rank 0" : data.length === 0 ? "empty" : "");
      if (dtype === "U8" && data.length % 2 === 1) seen.add("odd U8");
    }
    seen.add(`${content.metadata.size} metadata keys`);
  }
  // Twenty dtypes (Python writes no F6), and every odd shape and size, or nothing was compared.
  assertEquals(seen.size, 20 + ["rank 0", "empty", "", "odd U8", "0 keys", "1 key"].length);
});

Deno.test(`readHeader() accepts none of ${DAMAGED} damaged files that Python refuses`, async () => {
  const seed = SEED + 1;
  console.log(`seed ${seed}`);
  const files = damagedFiles(seed, DAMAGED);
  const { read } = await askPeer([], files.map(({ file }) => file));
  const counts = { both: 0, none: 0, stricter: 0 };
  const reached = new Map<string, number>();
  for (const [i, { file, how }] of files.entries()) {
    const which = `seed ${seed}, file ${i} (${how}), in base64: ${file.toBase64()}`;
    const ours = await readOurs(file);
    const theirs = read[i] ?? null;
    if (isRefused(ours)) {
      for (const { code } of ours) reached.set(code, (reached.get(code) ?? 0) + 1);
      if (theirs !== null) assert(isDocumented(ours), `${which} is refused: ${ours[0]?.message}`);
      counts[theirs === null ? "none" : "stricter"]++;
      continue;
    }
    assert(theirs !== null, `${which} is accepted, but Python refuses it`);
    const byName = (found: readonly PeerTensor[]) =>
      new Map(found.map(([name, ...rest]) => [name, rest]));
    assertEquals(byName(ours), byName(theirs), which);
    counts.both++;
  }
  console.log(JSON.stringify({ ...counts, ...Object.fromEntries([...reached].sort()) }));
  // The damage must reach every rule and both verdicts, else nothing was compared.
  assert(counts.both >= 2000 && counts.none >= 10_000, JSON.stringify(counts));
  assertEquals(reached.size, 13, [...reached.keys()].join());
  const kinds = new Set(files.flatMap(({ how }) => how.split("+")));
  assertEquals(kinds, new Set([...STRUCTURE_KINDS, "bytes"]));
});

Deno.test("readHeader() keeps its verdict and Python's on the minimised cases", async () => {
  const { read } = await askPeer([], REGRESSIONS.map(({ file }) => file));
  for (const [i, { what, file, ours, python }] of REGRESSIONS.entries()) {
    assertEquals(read[i] === null ? "refused" : "accepted", python, `Python: ${what}`);
    const found = await readOurs(file);
    assertEquals(isRefused(found) ? found[0]?.code : "accepted", ours, what);
    if (isRefused(found) && python === "accepted") assert(isDocumented(found), what);
  }
});
