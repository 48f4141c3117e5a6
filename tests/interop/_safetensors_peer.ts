// Python's safetensors as a peer: one process writes and reads all files of a test.

import { fromFileUrl } from "@std/path";
import type { TensorWithData } from "../safetensors/_files.ts";

/** What a file to be written holds. */
export interface Content {
  readonly tensors: readonly TensorWithData[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** A tensor as a reader sees it; `checksum` is the CRC-32 of its data. */
export type PeerTensor = [name: string, dtype: string, shape: number[], checksum: number];

/** What the peer made of its jobs. */
export interface PeerResults {
  /** The bytes of each file. */
  readonly written: readonly Uint8Array[];
  /** The tensors of each file; null for a file that is refused. */
  readonly read: readonly (readonly PeerTensor[] | null)[];
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.byteLength, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.byteLength;
  }
  return all;
}

function split(all: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  let end = 0;
  return lengths.map((length) => all.subarray(end, end += length));
}

/** Hands all files to one Python process and returns what it makes of them. */
export async function askPeer(
  write: readonly Content[],
  read: readonly Uint8Array[],
): Promise<PeerResults> {
  const python = Deno.env.get("TINYGRAFT_PYTHON");
  if (!python) {
    throw new Error("TINYGRAFT_PYTHON is not set: run `deno task test:real`, which sets it up");
  }
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  try {
    const jobs = {
      write: write.map(({ tensors, metadata }) => ({
        tensors: tensors.map(({ data, ...spec }) => ({ ...spec, length: data.byteLength })),
        metadata: metadata.size > 0 ? Object.fromEntries(metadata) : null,
      })),
      read: read.map((bytes) => bytes.byteLength),
    };
    const data = write.flatMap(({ tensors }) => tensors.map((tensor) => tensor.data));
    await Deno.writeTextFile(`${folder}/jobs.json`, JSON.stringify(jobs));
    await Deno.writeFile(`${folder}/write.bin`, join(data));
    await Deno.writeFile(`${folder}/read.bin`, join(read));
    const script = fromFileUrl(new URL("./safetensors_peer.py", import.meta.url));
    const { success, stderr } = await new Deno.Command(python, { args: [script, folder] }).output();
    if (!success) throw new Error(`The Python peer failed: ${new TextDecoder().decode(stderr)}`);
    const results = JSON.parse(await Deno.readTextFile(`${folder}/results.json`));
    const written = await Deno.readFile(`${folder}/written.bin`);
    return { written: split(written, results.written), read: results.read };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
