/**
 * Writing files: new files beside their target, flushed to the disk, renamed into place.
 *
 * No function here opens an existing file for writing.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { PIECE_BYTES } from "./chunks.ts";
import { ASIDE, removeTree } from "./leftovers.ts";
import { exchange, reflink, renameToFree } from "./native.ts";
import { statPath } from "./sources.ts";

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

/** Who may do what with a file or folder. */
export interface Permissions {
  /** The permission bits, without the set-id ones. */
  readonly mode: number;
  /** The owning user, where the system has one. */
  readonly user: number | null;
  /** The owning group, where the system has one. */
  readonly group: number | null;
}

/**
 * Looks up permissions, following symlinks.
 *
 * @param path A file or folder.
 * @returns Its permissions; undefined where nothing is there, or the system has none.
 */
export function permissionsOf(path: string): Permissions | undefined {
  try {
    const { mode, uid, gid } = Deno.statSync(path);
    return mode === null ? undefined : { mode: mode & 0o777, user: uid, group: gid };
  } catch {
    return undefined; // writing, which follows, reports whatever is truly wrong
  }
}

/**
 * Gives a new file or folder the permissions of the one that it replaces, as far as the system
 * lets: the owner only to those who may give files away.
 *
 * @param path What is new.
 * @param like The permissions.
 */
export function setPermissions(path: string, like: Permissions): void {
  try {
    const own = permissionsOf(path);
    if (own?.user !== like.user || own.group !== like.group) {
      Deno.chownSync(path, like.user, like.group);
    }
  } catch {
    // Not the superuser: the new file belongs to whoever writes it.
  }
  try {
    Deno.chmodSync(path, like.mode);
  } catch {
    // A file system without permissions.
  }
}

/** Bytes after which the disk is set to work: small enough to keep it busy, large to be worth it. */
const BYTES_BETWEEN_FLUSHES = 32 * 1024 * 1024;

/**
 * A new file under construction. What is written is flushed in the background all along, since at
 * the end the disk would have everything to do while nothing else is left to be done.
 */
export class NewFile {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  #byteLength = 0;
  #unflushed = 0;
  #flushing: Promise<void> | undefined;

  /**
   * Creates the file; it must not exist.
   *
   * @param path Its path.
   * @param like The permissions it gets; those of any new file unless given.
   */
  constructor(path: string, like?: Permissions) {
    this.#path = path;
    this.#file = Deno.openSync(path, {
      write: true,
      createNew: true,
      ...(like === undefined ? {} : { mode: like.mode }),
    });
    if (like !== undefined) setPermissions(path, like);
  }

  /** Bytes written so far. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /**
   * Appends bytes.
   *
   * @param bytes The bytes, all of which are written.
   */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.byteLength;) {
      at += this.#file.writeSync(bytes.subarray(at, at + PIECE_BYTES));
    }
    this.#byteLength += bytes.byteLength;
    this.#unflushed += bytes.byteLength;
    if (this.#unflushed < BYTES_BETWEEN_FLUSHES || this.#flushing !== undefined) return;
    this.#unflushed = 0;
    this.#flushing = this.#flush().finally(() => this.#flushing = undefined);
  }

  /** Uses a handle of its own, as the file's is busy; failures show again in `sync`. */
  async #flush(): Promise<void> {
    try {
      using handle = await Deno.open(this.#path, { read: true });
      await handle.syncData();
    } catch {
      // A system that flushes only what is open for writing, or a true error.
    }
  }

  /** Waits until the bytes are on the disk; other work may go on meanwhile. */
  async sync(): Promise<void> {
    await this.#flushing;
    await this.#file.sync();
  }

  /** Closes the file. */
  async close(): Promise<void> {
    await this.#flushing;
    this.#file.close();
  }
}

/**
 * Makes the folders of a path.
 *
 * @param path The folder; its parents are made too.
 * @param like The permissions of the folder it will replace: others are kept out from the start.
 */
export function makeFolder(path: string, like?: Permissions): void {
  Deno.mkdirSync(path, {
    recursive: true,
    ...(like === undefined ? {} : { mode: like.mode | 0o700 }),
  });
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
 * Waits until a folder's entries, or a cloned file's, are on the disk, where the system can do so.
 *
 * @param path The folder or file.
 */
export async function syncPath(path: string): Promise<void> {
  try {
    using opened = await Deno.open(path, { read: true });
    await opened.sync();
  } catch {
    // Not every system can flush a folder; what was written to files is flushed already.
  }
}

/**
 * Makes a file a copy that shares its blocks with the original until either is changed.
 *
 * Deno has no function for that, so it is tried through the kernel itself, on Linux and where
 * native code may be called.
 *
 * @param from The file.
 * @param to The new name.
 * @param like The permissions it gets; those of any new file unless given.
 * @returns False where the file system or the system cannot; nothing is at `to` then.
 */
export async function cloneFile(from: string, to: string, like?: Permissions): Promise<boolean> {
  await new NewFile(to, like).close();
  if (reflink(from, to)) {
    await syncPath(to);
    return true;
  }
  await Deno.remove(to);
  return false;
}

/**
 * Moves what was staged to its place: until then the old output is there, from then on the new.
 *
 * To replace a folder, the two names are exchanged in one step. Where the system cannot do that,
 * the old folder is set aside first and put back when the new one cannot take its place; a run
 * that dies in between leaves it for the next one to put back.
 *
 * @param staged The finished file or folder.
 * @param target Its place, on the same file system.
 * @param replace Whether what is there may be replaced.
 * @param swap Exchanges two names in one step, or returns false; tests hand in their own.
 * @returns False when something is there and may not be replaced; nothing has changed then.
 */
export function moveIntoPlace(
  staged: string,
  target: string,
  replace: boolean,
  swap: (one: string, other: string) => boolean = exchange,
): boolean {
  if (!replace) {
    if (renameToFree(staged, target)) return true;
    if (statPath(target) !== undefined) return false;
  }
  if (statPath(target)?.kind !== "folder") {
    Deno.renameSync(staged, target);
    return true;
  }
  if (swap(staged, target)) {
    removeTree(staged);
    return true;
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
  return true;
}
