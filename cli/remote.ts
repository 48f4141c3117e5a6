/**
 * How commands reach servers: as the environment variables of the Hugging Face tools say.
 *
 * @module
 */

import type { PlaceOptions } from "../lib/checkpoint/place.ts";
import { cachedPath } from "../lib/hub/cached.ts";
import { type HubConnection, hubConnection, hubEnvironment } from "../lib/hub/environment.ts";
import type { PullOptions } from "../lib/hub/pull.ts";
import { RemoteAccess } from "../lib/remote/access.ts";
import { isRemote, parseAddress, type RemoteAddress } from "../lib/remote/address.ts";
import { RemoteClient, type RemoteOptions } from "../lib/remote/client.ts";
import type { Invocation } from "./command.ts";
import { formatSeconds, printable } from "./format.ts";

/**
 * Readies the way to servers for the locations of a call that are addresses.
 *
 * @param invocation The call, for variables, the signal and warnings.
 * @param locations What the user gave.
 * @returns Options for whatever opens the locations; empty when all are paths, and then neither
 * the environment nor the token is read.
 * @throws {UsageError} when `HF_ENDPOINT` is no address.
 */
export function placeOptions(
  invocation: Pick<Invocation, "io" | "warn">,
  ...locations: readonly string[]
): PlaceOptions {
  if (!locations.some(isRemote)) return {};
  const options = remoteOptions(invocation);
  const remote = new RemoteAccess(options);
  if (!options.offline) return { remote };
  const { cache } = hubEnvironment(invocation.io.env, readIfThere);
  return { remote, cached: (location) => cachedPath(location, { ...options, cache }) };
}

/**
 * How servers are reached, whether to read or to write.
 *
 * @param invocation The call, for variables, the signal and warnings.
 * @returns Endpoint, token, time limits, and where waits are told.
 */
export function remoteOptions(
  { io, warn }: Pick<Invocation, "io" | "warn">,
): HubConnection & RemoteOptions {
  const onWait = (reason: string, milliseconds: number) =>
    warn(`${printable(reason)}; trying again in ${formatSeconds(milliseconds / 1000)}`);
  return { ...hubConnection(io.env, readIfThere), onWait, signal: io.signal };
}

/**
 * How the Hub and its cache are reached.
 *
 * @param invocation The call, for variables, the signal, warnings and progress.
 * @returns Options for pulling.
 */
export function hubOptions(
  invocation: Pick<Invocation, "io" | "warn" | "progress">,
): PullOptions {
  const { progress } = invocation;
  return {
    ...remoteOptions(invocation),
    cache: hubEnvironment(invocation.io.env, readIfThere).cache,
    onProgress: (done, total, label) => progress.update(done, total, label, "bytes"),
  };
}

/**
 * Finds the folder of a model that must be on this machine, since it is read by path: what is on
 * the Hub is pulled into the cache first, or found there.
 *
 * @param invocation The call.
 * @param location What the user gave: a path, `hf://org/name`, or the page of a model on the Hub.
 * @returns A path as it is; for an address of the Hub the folder or file in the cache. Other addresses are
 * left to whatever opens them.
 * @throws {UsageError} for a malformed address.
 * @throws {TinygraftError} as `pull` does.
 */
export async function localModel(
  invocation: Pick<Invocation, "io" | "warn" | "progress">,
  location: string,
): Promise<string> {
  if (!isRemote(location)) return location;
  const options = hubOptions(invocation);
  const address = addressOf(location, options);
  if (address.kind !== "hub") return location;
  const { pull } = await import("../lib/hub/pull.ts");
  const { folder, files } = await pull(location, {
    ...options,
    trustCache: true,
    withCompanions: true,
  });
  invocation.progress.end();
  const named = files.find(({ path }) => path === address.file);
  return named === undefined ? folder : `${folder}/${named.path}`;
}

/**
 * Finds the folders of several models, one after the other, as {@linkcode localModel} does.
 *
 * @param invocation The call.
 * @param locations What the user gave.
 * @returns As many paths, in their order.
 */
export async function localModels(
  invocation: Pick<Invocation, "io" | "warn" | "progress">,
  locations: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (const location of locations) found.push(await localModel(invocation, location));
  return found;
}

/**
 * What to call a base in what is made for it.
 *
 * @param invocation The call.
 * @param location What the user gave.
 * @returns The repository, `org/name`, of an address on the Hub; `undefined` for anything else.
 */
export function repositoryName(
  { io }: Pick<Invocation, "io">,
  location: string,
): string | undefined {
  if (!isRemote(location)) return undefined;
  const address = addressOf(location, hubConnection(io.env, readIfThere));
  return address.kind === "hub" ? address.id : undefined;
}

function addressOf(location: string, options: RemoteOptions): RemoteAddress {
  return parseAddress(location, new RemoteClient(options).endpoint);
}

/**
 * Reads a text file that need not be there, such as the Hub's token.
 *
 * @param path The file.
 * @returns Its text; `undefined` when it is absent or cannot be read, which is the same to a user
 * who has no token.
 */
export function readIfThere(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}
