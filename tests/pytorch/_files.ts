// PyTorch files in memory, and what their tensors hold.

import { readLegacyFile } from "../../lib/pytorch/legacy_file.ts";
import type { PytorchFile } from "../../lib/pytorch/file.ts";
import { readPytorchArchive } from "../../lib/pytorch/zip_file.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { StridedSource } from "../../lib/tensor/strided.ts";
import { ZipArchive } from "../../lib/zip/archive.ts";

/** Reads an archive. */
export async function readZip(bytes: Uint8Array, stateDict?: string): Promise<PytorchFile> {
  const archive = await ZipArchive.open(new MemorySource(bytes), "a.pt");
  return await readPytorchArchive(archive, { stateDict });
}

/** Reads a file of the older format. */
export async function readLegacy(bytes: Uint8Array): Promise<PytorchFile> {
  return await readLegacyFile(new MemorySource(bytes), { path: "a.pt" });
}

/** Reads one tensor. */
export async function dataOf(file: PytorchFile, name: string): Promise<Uint8Array<ArrayBuffer>> {
  const source = new StridedSource(file.tensors.get(name)!);
  return await source.read(0, source.byteLength);
}
