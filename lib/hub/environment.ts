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

/**
 * Reads the environment.
 *
 * @param env Looks up a variable; an empty one counts as absent.
 * @param readFile Reads a text file, or `undefined` when there is none.
 * @returns What the variables and the token file say.
 */
export function hubEnvironment(
  env: (name: string) => string | undefined,
  readFile: (path: string) => string | undefined,
): HubEnvironment {
  const expand = (path: string) =>
    path.replace(/^~(?=\/|$)/, homedir()).replace(/\$(\w+)/g, (_, name) => env(name) ?? "");
  const cacheHome = env("XDG_CACHE_HOME") ?? join(homedir(), ".cache");
  const home = expand(env("HF_HOME") ?? join(cacheHome, "huggingface"));
  const cache = env("HF_HUB_CACHE") ?? env("HUGGINGFACE_HUB_CACHE") ?? join(home, "hub");
  const tokenPath = expand(env("HF_TOKEN_PATH") ?? join(home, "token"));
  return {
    cache: expand(cache),
    endpoint: (env("HF_ENDPOINT") ?? "https://huggingface.co").replace(/\/+$/, ""),
    tokenSource: tokenSource(env, tokenPath, readFile),
  };
}

function tokenSource(
  env: (name: string) => string | undefined,
  tokenPath: string,
  readFile: (path: string) => string | undefined,
): string | undefined {
  for (const name of ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"]) {
    if (env(name)?.trim()) return name;
  }
  return readFile(tokenPath)?.trim() ? tokenPath : undefined;
}
