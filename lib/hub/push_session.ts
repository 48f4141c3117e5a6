/**
 * What a push is and how it reaches the Hub.
 *
 * @module
 */

import { TinygraftError, UsageError } from "../errors.ts";
import { type HubAddress, parseAddress, showFolder } from "../remote/address.ts";
import { RemoteClient, type RemoteOptions } from "../remote/client.ts";
import { DEFAULT_REVISION, type HubListing } from "../remote/hub_listing.ts";
import type { LocalFile } from "./push_files.ts";
import type { TransferProgress } from "./pulled_set.ts";
import { hubFetch, TOKEN_MARKER } from "./requests.ts";

/** How a folder is pushed. */
export interface PushOptions extends RemoteOptions {
  /** The Hub's address. */
  readonly endpoint: string;
  /** Makes the repository if it is not there. */
  readonly create?: boolean | undefined;
  /** Makes it private; one that is there must be private then. */
  readonly isPrivate?: boolean | undefined;
  /** The branch, made if it is not there; the address's revision, else `main`. */
  readonly branch?: string | undefined;
  /** Opens a pull request instead of changing the branch. */
  readonly createPullRequest?: boolean | undefined;
  /** The commit's title. */
  readonly message?: string | undefined;
  /** Changes nothing; tells what would be pushed. */
  readonly dryRun?: boolean | undefined;
  /** Whether large files may go by Xet. */
  readonly xet?: boolean | undefined;
  /** Content to push beside the folder's, or in place of its own, by path. */
  readonly extra?: ReadonlyMap<string, Uint8Array<ArrayBuffer>> | undefined;
  /** Large files to take from repositories of the Hub, which are neither fetched nor sent. */
  readonly onHub?: readonly LocalFile[] | undefined;
  /** Chooses, of what the branch has, the paths that the commit removes; it may refuse by throwing. */
  readonly remove?: ((listed: HubListing["files"]) => readonly string[]) | undefined;
  /** The commit from which a branch is made that is not there; the head of `main` unless given. */
  readonly startingPoint?: string | undefined;
  /** Told of what is left out, and of what the Hub warns about. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Told how far the work has come, in bytes. */
  readonly onProgress?: TransferProgress | undefined;
}

/** A push under way. */
export interface Session {
  /** Options of the call. */
  readonly options: PushOptions;
  /** What is needed by every call of the npm client. */
  readonly hub: {
    readonly repo: string;
    readonly hubUrl: string;
    readonly fetch: typeof fetch;
    readonly accessToken: string;
  };
  /** The way to read. */
  readonly client: RemoteClient;
  /** The repository at the branch. */
  readonly address: HubAddress & { readonly revision: string };
  /** The repository as it may be shown. */
  readonly location: string;
}

/**
 * Opens a push; no request is made.
 *
 * @param location `hf://org/name[@branch]`.
 * @param options How it is pushed.
 * @returns The session.
 * @throws {UsageError} for a malformed address, or one of a file or folder.
 * @throws {TinygraftError} with `offline` or `hub-unauthorized`.
 */
export function openSession(location: string, options: PushOptions): Session {
  const client = new RemoteClient(options);
  const parsed = parseAddress(location, client.endpoint);
  const path = showFolder(parsed);
  if (parsed.kind !== "hub" || parsed.folder !== "" || parsed.file !== undefined) {
    throw new UsageError(
      `Cannot push to "${path}": it is no repository, expected hf://org/name: a folder is pushed ` +
        "whole",
    );
  }
  if (options.branch !== undefined && parsed.revision !== undefined) {
    throw new UsageError(
      `Cannot push to "${path}": it names a branch, and --branch another: give one of them`,
    );
  }
  if (options.offline) {
    throw new TinygraftError(
      `Cannot push to "${path}": HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set: unset it`,
      { code: "offline", path },
    );
  }
  if (!options.token) {
    throw new TinygraftError(
      `Cannot push to "${path}": there is no token: set HF_TOKEN, or log in with "hf auth login"`,
      { code: "hub-unauthorized", path },
    );
  }
  const revision = options.branch ?? parsed.revision ?? DEFAULT_REVISION;
  const hub = {
    repo: parsed.id,
    hubUrl: options.endpoint,
    fetch: hubFetch({ ...options, path: `hf://${parsed.id}` }),
    accessToken: TOKEN_MARKER,
  };
  const address = { ...parsed, revision };
  return { options, hub, client, address, location: `hf://${parsed.id}` };
}
