/**
 * NumPy's archives of arrays, as `numpy.savez` and `numpy.savez_compressed` write them.
 *
 * @module
 */

import type { StridedTensor } from "../tensor/strided.ts";
import type { ZipArchive } from "../zip/archive.ts";
import { readNpy } from "./npy.ts";

const SUFFIX = ".npy";

/**
 * Tells whether an archive is one of NumPy.
 *
 * @param archive The archive.
 * @returns Whether it has members and all of them are arrays by their names.
 */
export function isNpzArchive({ members }: ZipArchive): boolean {
  return members.size > 0 && [...members.keys()].every((name) => name.endsWith(SUFFIX));
}

/**
 * Reads the headers of an archive's arrays; no data is read.
 *
 * @param archive The archive; it stays open for as long as the tensors are used.
 * @returns The arrays by name, in the order of the archive.
 * @throws {TinygraftError} as `readNpy` does, or with `invalid-zip`.
 */
export async function readNpz(archive: ZipArchive): Promise<Map<string, StridedTensor>> {
  const { path } = archive;
  const tensors = new Map<string, StridedTensor>();
  for (const [member, { method }] of archive.members) {
    const name = member.slice(0, -SUFFIX.length);
    const source = await archive.member(member, { isChecked: true });
    tensors.set(name, await readNpy(source, { path, name, isSequential: method === "deflated" }));
  }
  return tensors;
}
