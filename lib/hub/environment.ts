/**
 * The environment variables of the Hugging Face tools, read as Python's `huggingface_hub` does.
 *
 * @module
 */

import { homedir } from "node:os";
import { join } from "@std/path";

/** Where the Hub's cache lies and whether a token is at hand. */
export interface HubEnvironment {
  /** Folder of the cache: `HF_HUB_CACHE`, else `$HF_HOME/hub`. */
  readonly cache: string;
  /** Address of the Hub, without a final slash. */
  readonly endpoint: string;
  /** Where a token was found, never the token itself; `undefined` when there is none. */
  readonly tokenSource: string | undefined;
}

/** How the Hub is reached. */
export interface HubConnection {
  /** Address of the Hub, without a final slash. */
  readonly endpoint: string;
  /** The token, a secret; `undefined` when there is none. */
  readonly token: string | undefined;
  /** Whether no request may be made. */
  readonly offline: boolean;
  /** Whether large files may be uploaded in the Hub's own way, Xet, rather than by Git's LFS. */
  readonly xet: boolean;
  /** Longest wait for an answer's headers, in milliseconds. */
  readonly headerTimeout: number;
  /** Longest wait for the next byte, in milliseconds. */
  readonly idleTimeout: number;
}

/** Looks up a variable; an empty one counts as absent. */
export type ReadVariable = (name: string) => string | undefined;

/** Reads a text file; `undefined` when there is none. */
export type ReadFile = (path: string) => string | undefined;

/**
 * Reads the environment.
 *
 * @param env Looks up a variable; an empty one counts as absent.
 * @param readFile Reads a text file, or `undefined` when there is none.
 * @returns What the variables and the token file say.
 */
export function hubEnvironment(env: ReadVariable, readFile: ReadFile): HubEnvironment {
  const home = homeOf(env);
  const cache = env("HF_HUB_CACHE") ?? env("HUGGINGFACE_HUB_CACHE") ?? join(home, "hub");
  return {
    cache: expand(cache, env),
    endpoint: endpointOf(env),
    tokenSource: findToken(env, readFile)?.source,
  };
}

/**
 * Reads what is needed to ask the Hub for something.
 *
 * @param env Looks up a variable; an empty one counts as absent.
 * @param readFile Reads a text file, or `undefined` when there is none.
 * @returns Endpoint, token, switch and time limits; `HF_HUB_ETAG_TIMEOUT` and
 * `HF_HUB_DOWNLOAD_TIMEOUT` are in seconds, 10 unless they hold a positive number.
 */
export function hubConnection(env: ReadVariable, readFile: ReadFile): HubConnection {
  const seconds = (name: string) => {
    const value = Number(env(name));
    return value > 0 && Number.isFinite(value) ? value : 10;
  };
  const isTrue = (value = "") => /^(?:1|on|yes|true)$/i.test(value.trim());
  return {
    endpoint: endpointOf(env),
    token: findToken(env, readFile)?.token,
    offline: isTrue(env("HF_HUB_OFFLINE") ?? env("TRANSFORMERS_OFFLINE")),
    xet: !isTrue(env("HF_HUB_DISABLE_XET")),
    headerTimeout: 1000 * seconds("HF_HUB_ETAG_TIMEOUT"),
    idleTimeout: 1000 * seconds("HF_HUB_DOWNLOAD_TIMEOUT"),
  };
}

function expand(path: string, env: ReadVariable): string {
  return path.replace(/^~(?=\/|$)/, homedir()).replace(/\$(\w+)/g, (_, name) => env(name) ?? "");
}

function homeOf(env: ReadVariable): string {
  const cacheHome = env("XDG_CACHE_HOME") ?? join(homedir(), ".cache");
  return expand(env("HF_HOME") ?? join(cacheHome, "huggingface"), env);
}

function endpointOf(env: ReadVariable): string {
  return (env("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, "");
}

function findToken(
  env: ReadVariable,
  readFile: ReadFile,
): { token: string; source: string } | undefined {
  for (const source of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    const token = env(source)?.trim();
    if (token) return { token, source };
  }
  const source = expand(env("HF_TOKEN_PATH") ?? join(homeOf(env), "token"), env);
  const token = readFile(source)?.trim();
  return token ? { token, source } : undefined;
}
