/**
 * PyTorch files since version 1.6: a zip archive of a pickle and one member a storage.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import type { ZipArchive } from "../zip/archive.ts";
import { describeFile, MAX_PICKLE_BYTES, type PytorchFile, StorageTable } from "./file.ts";
import type { StateDictOptions } from "./state_dict.ts";
import { unpickle } from "./unpickle.ts";

const PICKLE_NAME = /^([^/]+\/)data\.pkl$/;

/**
 * Tells whether an archive is a PyTorch file.
 *
 * @param archive The archive.
 * @returns Whether it holds a `data.pkl` in a folder.
 */
export function isPytorchArchive(archive: ZipArchive): boolean {
  return [...archive.members.keys()].some((name) => PICKLE_NAME.test(name));
}

/**
 * Reads what a PyTorch archive holds; no tensor data is read.
 *
 * @param archive The archive; it stays open for as long as the tensors are used.
 * @param options Which dict to take where there are several.
 * @returns The tensors as views of the archive's members.
 * @throws {TinygraftError} as `unpickle` and `describeFile` do, or with `invalid-zip`, or with
 * `no-state-dict` for a TorchScript program.
 */
export async function readPytorchArchive(
  archive: ZipArchive,
  options: Omit<StateDictOptions, "path"> = {},
): Promise<PytorchFile> {
  const { path } = archive;
  const root = rootOf(archive);
  if (archive.members.has(`${root}constants.pkl`)) {
    throw new TinygraftError(
      `Cannot read ${quote(path)}: it is a TorchScript program, expected a state dict: save the ` +
        "module's state_dict() with torch.save",
      { code: "no-state-dict", path },
    );
  }
  const pickle = await readSmall(archive, `${root}data.pkl`, MAX_PICKLE_BYTES);
  const order = archive.members.has(`${root}byteorder`)
    ? new TextDecoder().decode(await readSmall(archive, `${root}byteorder`, 16))
    : "little";
  if (order !== "little" && order !== "big") {
    throw fileError(path, `its byte order is ${quote(order)}, expected "little" or "big"`);
  }
  const storages = new StorageTable(path);
  const { value } = unpickle(pickle, { path, findStorage: storages.find });
  return await describeFile(value, {
    bigEndian: order === "big",
    isSequential: ({ key }) => archive.members.get(`${root}data/${key}`)?.method === "deflated",
    open: async ({ key, dtype, length }) => {
      const source = await archive.member(`${root}data/${key}`);
      if (source.byteLength >= length * dtype.byteLength) return source;
      throw fileError(
        path,
        `storage ${quote(key)} has ${source.byteLength} bytes, expected ` +
          `${length * dtype.byteLength}`,
      );
    },
  }, { ...options, path });
}

/** The folder that holds everything; its name is whatever the file was first called. */
function rootOf(archive: ZipArchive): string {
  const roots = [...archive.members.keys()].flatMap((name) => PICKLE_NAME.exec(name)?.[1] ?? []);
  const root = roots[0];
  if (root !== undefined && roots.length === 1) return root;
  throw fileError(archive.path, `found ${roots.length} members data.pkl, expected one`);
}

async function readSmall(archive: ZipArchive, name: string, limit: number): Promise<Uint8Array> {
  const source = await archive.member(name);
  if (source.byteLength <= limit) return await source.read(0, source.byteLength);
  throw new TinygraftError(
    `Cannot read ${quote(archive.path)}: its member ${quote(name)} has ${source.byteLength} ` +
      `bytes, expected at most ${limit}`,
    { code: "unsafe-pickle", path: archive.path },
  );
}

function fileError(path: string, found: string): TinygraftError {
  return new TinygraftError(`Cannot read ${quote(path)}: ${found}`, {
    code: "invalid-pickle",
    path,
  });
}
