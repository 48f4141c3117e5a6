/**
 * Where an output is built, and what becomes of the remains of runs that died.
 *
 * @module
 */

import process from "node:process"; // asks whether a process lives, which Deno itself cannot
import { basename, dirname, join } from "@std/path";
import { crc32 } from "./hash.ts";
import { listFolder, statPath } from "./sources.ts";

/** What the name of a folder ends with that was set aside while its replacement took its place. */
export const ASIDE = ".old";
/** Characters of the output's name; a system's names have 255 bytes at most, all of it included. */
const LONGEST_STEM = 40;
const STALE_MILLISECONDS = 60 * 60 * 1000;

/** Who looks at remains; tests hand in their own. */
export interface Observer {
  /** Where process ids are unique: one boot of one machine or container. */
  readonly scope: string;
  /** Whether a process with this id exists in that scope. */
  readonly isAlive: (pid: number) => boolean;
  /** The present time, in milliseconds. */
  readonly now: () => number;
}

let ownScope: string | undefined;

/** The observer that this process is. */
function thisProcess(): Observer {
  ownScope ??= findScope();
  return { scope: ownScope, isAlive: processIsAlive, now: () => Date.now() };
}

/** Eight digits that differ between machines, boots and containers, as far as these can be told. */
function findScope(): string {
  const file = (path: string, read: (path: string) => string) =>
    tell({ name: "read", path }, () => read(path));
  return checksum(
    [
      tell({ name: "sys", kind: "hostname" }, () => Deno.hostname()),
      file("/proc/sys/kernel/random/boot_id", Deno.readTextFileSync),
      file("/proc/self/ns/pid", Deno.readLinkSync),
    ].join("\n"),
  );
}

/** Asks the system something; "" where it does not know, or where the user would be asked first. */
function tell(permission: Deno.PermissionDescriptor, ask: () => string): string {
  if (Deno.permissions.querySync(permission).state !== "granted") return "";
  try {
    return ask();
  } catch {
    return "";
  }
}

function processIsAlive(pid: number): boolean {
  try {
    process.kill(pid, 0); // sends nothing
    return true;
  } catch (error) {
    return !(error instanceof Error && "code" in error && error.code === "ESRCH");
  }
}

/** A long name is cut, and its checksum keeps it apart from others that begin alike. */
function stagingPrefix(target: string): string {
  const characters = [...basename(target)];
  if (characters.length <= LONGEST_STEM) return `.${characters.join("")}.tinygraft-`;
  const stem = characters.slice(0, LONGEST_STEM).join("");
  return `.${stem}~${checksum(basename(target))}.tinygraft-`;
}

function checksum(text: string): string {
  return crc32(new TextEncoder().encode(text), 0).toString(16).padStart(8, "0");
}

/**
 * Names the place beside a target where it is built: hidden, unique, saying whose it is.
 *
 * @param target The path that the finished file or folder will have.
 * @returns A path in the same folder, so that a rename suffices.
 */
export function stagingPath(target: string): string {
  const random = crypto.randomUUID().slice(0, 8);
  const name = `${stagingPrefix(target)}${Deno.pid}-${thisProcess().scope}-${random}`;
  return join(dirname(target), name);
}

/**
 * Clears away what runs that died left beside a target.
 *
 * What a dead process of this machine made goes at once. What was made elsewhere (in another
 * container, before a restart) goes when nobody touched it for an hour: its process cannot be
 * seen and may still be alive. A folder set aside while the target is missing is the old output,
 * whose run died between two renames: it is put back.
 *
 * @param target The path of the output.
 * @param observer Who looks.
 */
export function clearLeftovers(target: string, observer: Observer = thisProcess()): void {
  const prefix = stagingPrefix(target);
  for (const name of listFolderIfAllowed(dirname(target))) {
    if (!name.startsWith(prefix)) continue;
    const match = /^(\d+)-([0-9a-f]{8})-[0-9a-f]{8}(\.old)?$/.exec(name.slice(prefix.length));
    if (match === null) continue;
    const path = join(dirname(target), name);
    if (!isAbandoned(path, Number(match[1]), match[2]!, observer)) continue;
    if (match[3] === ASIDE && statPath(target) === undefined) putBack(path, target);
    else removeTree(path);
  }
}

function isAbandoned(path: string, pid: number, scope: string, observer: Observer): boolean {
  if (scope === observer.scope) return !observer.isAlive(pid);
  return observer.now() - lastTouched(path) > STALE_MILLISECONDS;
}

function putBack(aside: string, target: string): void {
  try {
    Deno.renameSync(aside, target);
  } catch {
    // It stays where it is, and nothing is lost: what is truly wrong shows when writing begins.
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
  const parts = listFolder(path).map((name) => lastTouched(join(path, name)));
  return Math.max(status.modified, ...parts.filter(Number.isFinite));
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
