/**
 * Writing files: new files beside their target, flushed to the disk, renamed into place.
 *
 * No function here opens an existing file for writing.
 *
 * @module
 */

import process from "node:process"; // asks whether a process lives, which Deno itself cannot
import { basename, dirname, join } from "@std/path";
import { TinygraftError } from "../errors.ts";
import { crc32 } from "./hash.ts";
import { listFolder, statPath } from "./sources.ts";

/**
 * Turns an error of the system while writing into a coded one that names the output.
 *
 * @param output The output as the user gave it.
 * @param error What was caught.
 * @returns An error with `unwritable-output`; anything but an error of the system as it is.
 */
export function writeError(output: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof TinygraftError) return error;
  const systemCode = "code" in error ? error.code : undefined;
  // Deno names only the commonest errors of the system by code; the others have their number.
  const isSystem = typeof systemCode === "string" || /\(os error \d+\)/.test(error.message) ||
    error instanceof Deno.errors.NotCapable;
  if (!isSystem) return error;
  const message = `Cannot write "${output}": ${explain(systemCode)} (${error.message})`;
  return new TinygraftError(message, { code: "unwritable-output", path: output, cause: error });
}

function explain(systemCode: unknown): string {
  switch (systemCode) {
    case "ENOSPC":
    case "EDQUOT":
      return "the disk is full: free some space or choose another place";
    case "EROFS":
      return "the file system is read-only: choose another place";
    case "EACCES":
    case "EPERM":
      return "writing there is not allowed: choose another place or change its permissions";
    case "ENOENT":
    case "ENOTDIR":
      return "its folder does not exist: create it first";
    case "ENAMETOOLONG":
      return "the name is too long: choose a shorter one";
    default:
      return "the system refused";
  }
}

/** A new file under construction. */
export class NewFile {
  readonly #file: Deno.FsFile;
  #byteLength = 0;
  #checksum = 0;

  /**
   * Creates the file; it must not exist.
   *
   * @param path Its path.
   */
  constructor(path: string) {
    this.#file = Deno.openSync(path, { write: true, createNew: true });
  }

  /** Bytes written so far. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** CRC-32 of the bytes written so far. */
  get checksum(): number {
    return this.#checksum;
  }

  /**
   * Appends bytes.
   *
   * @param bytes The bytes, all of which are written.
   */
  write(bytes: Uint8Array): void {
    let written = 0;
    while (written < bytes.byteLength) written += this.#file.writeSync(bytes.subarray(written));
    this.#checksum = crc32(bytes, this.#checksum);
    this.#byteLength += bytes.byteLength;
  }

  /** Waits until the bytes are on the disk; other work may go on meanwhile. */
  async sync(): Promise<void> {
    await this.#file.sync();
  }

  /** Closes the file. */
  close(): void {
    this.#file.close();
  }
}

/**
 * Makes the folders of a path.
 *
 * @param path The folder; its parents are made too.
 */
export function makeFolder(path: string): void {
  Deno.mkdirSync(path, { recursive: true });
}

/**
 * Gives a file a second name.
 *
 * @param from The file, without symlinks: the system would link the symlink itself.
 * @param to The new name.
 * @returns False where it cannot be linked: on another device, or where the file system or its
 * rules allow no links.
 */
export function hardLink(from: string, to: string): boolean {
  try {
    Deno.linkSync(from, to);
    return true;
  } catch {
    return false; // a copy follows, which reports whatever is truly wrong
  }
}

/**
 * Waits until a folder's entries are on the disk, where the system can do so.
 *
 * @param path The folder.
 */
export async function syncFolder(path: string): Promise<void> {
  try {
    using folder = await Deno.open(path, { read: true });
    await folder.sync();
  } catch {
    // Not every system can flush a folder; the files themselves are flushed already.
  }
}

/**
 * Removes a file or a folder with all that is in it, as far as the system lets.
 *
 * @param path What to remove; nothing happens where nothing is there.
 */
export function removeTree(path: string): void {
  try {
    Deno.removeSync(path, { recursive: true });
  } catch {
    // Called on the way out of another failure, which is the one to report.
  }
}

/**
 * Moves what was staged to its place, atomically for a file or a new folder.
 *
 * An existing folder is set aside first and put back when the new one cannot take its place.
 *
 * @param staged The finished file or folder.
 * @param target Its place, on the same file system.
 */
export function moveIntoPlace(staged: string, target: string): void {
  if (statPath(target)?.kind !== "folder") {
    Deno.renameSync(staged, target);
    return;
  }
  const aside = `${staged}${ASIDE}`;
  Deno.renameSync(target, aside);
  try {
    Deno.renameSync(staged, target);
  } catch (error) {
    Deno.renameSync(aside, target);
    throw error;
  }
  removeTree(aside);
}

const ASIDE = ".old";
/** Names that many systems allow have at most 255 bytes, the rest of the name included. */
const LONGEST_STEM = 60;
const STALE_MILLISECONDS = 60 * 60 * 1000;

function stagingPrefix(target: string): string {
  return `.${basename(target).slice(0, LONGEST_STEM)}.tinygraft-`;
}

/**
 * Names the place beside a target where it is built: hidden, unique, carrying the process's id.
 *
 * @param target The path that the finished file or folder will have.
 * @returns A path in the same folder, so that a rename suffices.
 */
export function stagingPath(target: string): string {
  const random = crypto.randomUUID().slice(0, 8);
  return join(dirname(target), `${stagingPrefix(target)}${Deno.pid}-${random}`);
}

/**
 * Removes what runs that died left beside a target.
 *
 * Only what a dead process made and nobody touched for an hour: in another container, whose
 * processes cannot be seen, a run may still be alive. A folder set aside stays while the target is
 * missing, since it may be the only copy.
 *
 * @param target The path of the output.
 * @param isAlive Tells whether a process with this id exists.
 * @param now The present time, in milliseconds.
 */
export function removeStale(
  target: string,
  isAlive: (pid: number) => boolean = processIsAlive,
  now: number = Date.now(),
): void {
  const prefix = stagingPrefix(target);
  for (const name of listFolderIfAllowed(dirname(target))) {
    if (!name.startsWith(prefix)) continue;
    const match = /^(\d+)-[0-9a-f]{8}(\.old)?$/.exec(name.slice(prefix.length));
    if (match === null || isAlive(Number(match[1]))) continue;
    if (match[2] === ASIDE && statPath(target) === undefined) continue;
    const path = join(dirname(target), name);
    if (now - lastTouched(path) > STALE_MILLISECONDS) removeTree(path);
  }
}

/** A folder may be writable and still not be listed. */
function listFolderIfAllowed(path: string): string[] {
  try {
    return listFolder(path);
  } catch {
    return [];
  }
}

function lastTouched(path: string): number {
  const status = statPath(path);
  if (status?.kind !== "folder") return status?.modified ?? Infinity;
  const parts = listFolder(path).map((name) => statPath(join(path, name))?.modified ?? 0);
  return Math.max(status.modified, ...parts);
}

function processIsAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}
