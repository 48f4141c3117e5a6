/**
 * What stands for an address while no request may be made.
 *
 * @module
 */

import { join } from "@std/path";
import { parseAddress } from "../remote/address.ts";
import { DEFAULT_REVISION } from "../remote/hub_listing.ts";
import { statPath } from "../checkpoint/sources.ts";
import { RepositoryCache } from "./cache.ts";

/**
 * Finds an address of the Hub in the cache.
 *
 * @param location `hf://org/name[@revision][/folder or file]`.
 * @param options The cache's folder and the Hub's address.
 * @returns The path of the folder or file; `undefined` where the cache has none, and for addresses
 * that are not the Hub's.
 * @throws {UsageError} when the address is malformed.
 */
export function cachedPath(
  location: string,
  options: { readonly cache: string; readonly endpoint: string },
): string | undefined {
  const address = parseAddress(location, new URL(options.endpoint));
  if (address.kind !== "hub") return undefined;
  const cache = new RepositoryCache(options.cache, address);
  const commit = cache.commitOf(address.revision ?? DEFAULT_REVISION);
  if (commit === undefined) return undefined;
  const path = join(cache.snapshot(commit), address.folder, address.file ?? "");
  return statPath(path) === undefined ? undefined : path;
}
