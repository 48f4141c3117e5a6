/**
 * Where the files of a checkpoint are: a folder of this machine, or one on a server.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { UsageError } from "../errors.ts";
import { RemoteAccess } from "../remote/access.ts";
import { isRemote } from "../remote/address.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { FileSource, listFolder, readTextFile, statPath } from "./sources.ts";

/** An open file. */
export interface OpenFile extends ByteSource {
  /** Closes it; calling it again does nothing. */
  close(): void;
}

/** A folder, or one file in it. */
export interface Place {
  /** The location that was given; of an address without its query, which may hold a signature. */
  readonly location: string;
  /** The folder. */
  readonly folder: string;
  /** The file that the location names; `undefined` when it is the folder's. */
  readonly file: string | undefined;
  /** The path or address of a file in the folder. */
  path(name: string): string;
  /** Whether the folder has something of this name. */
  has(name: string): Promise<boolean>;
  /** The names of the folder's files, sorted; `undefined` where the server lists none. */
  list(): Promise<string[] | undefined>;
  /** On servers: the paths of all files in the folder and below it, with slashes. */
  listAll?(): Promise<string[] | undefined>;
  /** Opens a file; the caller closes it. */
  open(name: string): Promise<OpenFile>;
  /** Reads a UTF-8 text file whole. */
  readText(name: string): Promise<string>;
}

/** How locations are reached that are addresses. */
export interface PlaceOptions {
  /**
   * How servers are asked; the public Hub, without a token, unless given. What it has read once it
   * does not ask for again, so one is best handed to all that looks at one location.
   */
  readonly remote?: RemoteAccess | undefined;
  /** Finds what stands on this machine for an address; then no server is asked. */
  readonly cached?: ((location: string) => string | undefined) | undefined;
}

/**
 * Finds the place that a location means. Paths are looked up; of an address nothing is asked yet.
 *
 * @param location A path, or an `hf://` or `https://` address.
 * @param options How servers are reached.
 * @returns The place; `undefined` where there is no file or folder of this path.
 * @throws {UsageError} when an address is malformed.
 * @throws {TinygraftError} with `unreadable` when the system refuses to tell.
 */
export function placeAt(location: string, options: PlaceOptions = {}): Place | undefined {
  if (isRemote(location)) {
    const cached = options.cached?.(location);
    return cached === undefined
      ? (options.remote ?? new RemoteAccess()).folder(location)
      : placeAt(cached);
  }
  const status = statPath(location);
  if (status === undefined) return undefined;
  return status.kind === "folder"
    ? new LocalPlace(location, location, undefined)
    : new LocalPlace(location, dirname(location), basename(location));
}

/**
 * The folder of an open checkpoint.
 *
 * @param checkpoint The checkpoint.
 * @returns Its own place, or that of its folder on this machine.
 */
export function placeOf(checkpoint: { readonly place?: Place; readonly folder: string }): Place {
  const { place, folder } = checkpoint;
  return place ?? new LocalPlace(folder, folder, undefined);
}

/**
 * Refuses an address where only a path of this machine will do.
 *
 * @param location What the user gave.
 * @param use What it was to be, such as "a base".
 * @throws {UsageError} when it is an address.
 */
export function assertLocal(location: string, use: string): void {
  if (!isRemote(location)) return;
  throw new UsageError(
    `Cannot use "${
      location.replace(/[?#].*$/s, "")
    }" as ${use}: it is an address, expected a path ` +
      "on this machine",
  );
}

class LocalPlace implements Place {
  constructor(
    readonly location: string,
    readonly folder: string,
    readonly file: string | undefined,
  ) {}

  path(name: string): string {
    return name === this.file ? this.location : join(this.folder, name);
  }

  has(name: string): Promise<boolean> {
    return Promise.try(() => statPath(this.path(name)) !== undefined);
  }

  list(): Promise<string[]> {
    return Promise.try(() => listFolder(this.folder));
  }

  open(name: string): Promise<FileSource> {
    return Promise.try(() => FileSource.open(this.path(name)));
  }

  readText(name: string): Promise<string> {
    return readTextFile(this.path(name));
  }
}
