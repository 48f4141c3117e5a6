/**
 * Three calls of the Linux kernel that Deno has no function for: an atomic exchange of two names,
 * a rename that replaces nothing, and a copy that shares its blocks with the original.
 *
 * All of them answer `false` or `"unsupported"` on other systems, on file systems without the
 * feature, with another C library, and where the process may not call native code; nothing is
 * ever asked of the user for them. Callers then take the plain way.
 *
 * @module
 */

/** From `linux/fs.h`. */
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;
const FICLONE = 0x40049409n;
/** From `fcntl.h`, on the processors that Deno runs on. */
const AT_FDCWD = -100;
const O_RDONLY = 0;
const O_WRONLY = 1;
const O_CLOEXEC = 0o2000000;

const SYMBOLS = {
  renameat2: { parameters: ["i32", "buffer", "i32", "buffer", "u32"], result: "i32" },
  open: { parameters: ["buffer", "i32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "i32"], result: "i32" },
} as const;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

let library: Library | undefined | null = null;

/** Loads the C library once; undefined where that is impossible or not allowed. */
function load(): Library | undefined {
  if (library !== null) return library;
  library = undefined;
  if (Deno.build.os !== "linux") return undefined;
  // Asked first, since to load it without the permission would prompt the user.
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return undefined;
  try {
    library = Deno.dlopen("libc.so.6", SYMBOLS).symbols;
  } catch {
    // Another C library, or one from before these calls.
  }
  return library;
}

function text(path: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(`${path}\0`);
}

/**
 * Exchanges what two names stand for, in one step: no moment is without either.
 *
 * @param one A file or folder.
 * @param other Another, on the same file system.
 * @returns False where the system cannot; nothing has changed then.
 */
export function exchange(one: string, other: string): boolean {
  const result = load()?.renameat2(AT_FDCWD, text(one), AT_FDCWD, text(other), RENAME_EXCHANGE);
  return result === 0;
}

/**
 * Renames a file or folder to a name that must be free, in one step.
 *
 * @param from The old name.
 * @param to The new name, on the same file system.
 * @returns False when the name is taken, when there is nothing to rename, or where the system
 * cannot; nothing has changed then.
 */
export function renameToFree(from: string, to: string): boolean {
  return load()?.renameat2(AT_FDCWD, text(from), AT_FDCWD, text(to), RENAME_NOREPLACE) === 0;
}

/**
 * Makes a file share the blocks of another until either is changed: a copy without copying.
 *
 * @param from The original, which is opened for reading only.
 * @param to An empty file of the same file system, which is opened for writing.
 * @returns False where the file system cannot (most can not; Btrfs, XFS and Bcachefs can); `to`
 * is empty then.
 */
export function reflink(from: string, to: string): boolean {
  const library = load();
  if (library === undefined) return false;
  const input = library.open(text(from), O_RDONLY | O_CLOEXEC);
  const output = library.open(text(to), O_WRONLY | O_CLOEXEC);
  try {
    return input >= 0 && output >= 0 && library.ioctl(output, FICLONE, input) === 0;
  } finally {
    if (input >= 0) library.close(input);
    if (output >= 0) library.close(output);
  }
}
