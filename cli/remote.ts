/**
 * How commands reach servers: as the environment variables of the Hugging Face tools say.
 *
 * @module
 */

import type { PlaceOptions } from "../lib/checkpoint/place.ts";
import { hubConnection } from "../lib/hub/environment.ts";
import { RemoteAccess } from "../lib/remote/access.ts";
import { isRemote } from "../lib/remote/address.ts";
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
  { io, warn }: Pick<Invocation, "io" | "warn">,
  ...locations: readonly string[]
): PlaceOptions {
  if (!locations.some(isRemote)) return {};
  const connection = hubConnection(io.env, readIfThere);
  const onWait = (reason: string, milliseconds: number) =>
    warn(`${printable(reason)}; trying again in ${formatSeconds(milliseconds / 1000)}`);
  return { remote: new RemoteAccess({ ...connection, onWait, signal: io.signal }) };
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
