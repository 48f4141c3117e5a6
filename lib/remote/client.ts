/**
 * The one way to a server: redirects by hand, the token only to the Hub, time limits, retries.
 *
 * @module
 */

import { InterruptedError, TinygraftError, UsageError } from "../errors.ts";
import { showUrl } from "./address.ts";
import { refusalError, TransientError } from "./failures.ts";
import { Limiter, retry } from "./retry.ts";
import { type Body, TimedBody } from "./body.ts";

/** How servers are reached. Nothing here is read from the environment. */
export interface RemoteOptions {
  /** The Hub's address, `https://huggingface.co` unless given. */
  readonly endpoint?: string;
  /** The Hub's token; sent to the endpoint and nowhere else. */
  readonly token?: string | undefined;
  /** Refuses every request. */
  readonly offline?: boolean;
  /** Longest wait for an answer's headers, in milliseconds; 10 s unless given. */
  readonly headerTimeout?: number;
  /** Longest wait for the next byte, in milliseconds; 10 s unless given. */
  readonly idleTimeout?: number;
  /** Stops everything under way. */
  readonly signal?: AbortSignal;
  /** Makes requests; the platform's `fetch` unless given. */
  readonly fetch?: typeof fetch;
  /** Waits between tries, in milliseconds; a timer unless given. */
  readonly sleep?: (milliseconds: number) => Promise<void>;
  /** Told before each wait why it is needed, and how long it will be in milliseconds. */
  readonly onWait?: (reason: string, milliseconds: number) => void;
}

/** Where a file is, and what it is called in messages. */
export interface RemoteFile {
  /** Its address. */
  readonly url: URL;
  /** Its address as it may be shown. */
  readonly path: string;
}

/** One request, as made at one try. */
export interface RemoteRequest {
  /** Where to. */
  readonly url: URL;
  /** Headers beside those of every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The statuses that are answers; every other is a refusal. */
  readonly accept: readonly number[];
}

/** An answer whose body has not been read. */
export interface Answer {
  /** One of the statuses that the request accepts. */
  readonly status: number;
  /** The headers. */
  readonly headers: Headers;
  /** Where it came from, after redirects. */
  readonly url: URL;
  /** The body, within the time limits. */
  readonly body: Body;
}

const DEFAULT_ENDPOINT = "https://huggingface.co";
const DEFAULT_TIMEOUT = 10_000;
const MAX_REDIRECTS = 5;
/** Requests under way at once; more gain nothing and annoy servers. */
const MAX_AT_ONCE = 6;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Makes requests; holds no connection that would have to be closed. */
export class RemoteClient {
  /** The Hub's address. */
  readonly endpoint: URL;
  readonly #options: RemoteOptions;
  readonly #limiter = new Limiter(MAX_AT_ONCE);

  /**
   * Creates the client.
   *
   * @param options How servers are reached.
   * @throws {UsageError} when the endpoint is no `http(s)://` address.
   */
  constructor(options: RemoteOptions) {
    const endpoint = URL.parse(options.endpoint ?? DEFAULT_ENDPOINT);
    if (endpoint === null || !/^https?:$/.test(endpoint.protocol)) {
      throw new UsageError(
        `Cannot use the Hub's address "${options.endpoint}": expected https://…: check HF_ENDPOINT`,
      );
    }
    this.endpoint = endpoint;
    this.#options = options;
  }

  /**
   * Builds an address of the Hub.
   *
   * @param parts Parts of the path, not encoded; slashes within one are encoded.
   * @param query What stands after the question mark.
   */
  hubUrl(parts: readonly string[], query = ""): URL {
    const url = new URL(this.endpoint);
    const root = url.pathname.replace(/\/+$/, "");
    url.pathname = [root, ...parts.map(encodeURIComponent)].join("/");
    url.search = query;
    return url;
  }

  /**
   * Makes a request and uses its answer, again and again while the failure may pass.
   *
   * @param path What is read, as it may be shown in errors.
   * @param request Gives the request of each try.
   * @param use Uses the answer; may throw {@linkcode TransientError} for another try. What it
   * leaves of the body is dropped.
   * @returns What `use` returned.
   * @throws {TinygraftError} with the code of the refusal, `hub-unavailable` when no answer came,
   * `offline`, `unexpected-answer` for a redirect that is not followed.
   * @throws {InterruptedError} when the signal aborts.
   */
  get<T>(
    path: string,
    request: () => RemoteRequest,
    use: (answer: Answer) => Promise<T>,
  ): Promise<T> {
    if (this.#options.offline) {
      throw new TinygraftError(
        `Cannot read "${path}": HF_HUB_OFFLINE or TRANSFORMERS_OFFLINE is set: unset it, or give ` +
          "a path on this machine",
        { code: "offline", path },
      );
    }
    const attempt = () => this.#limiter.run(() => this.#try(path, request(), use));
    return retry(attempt, this.#options);
  }

  async #try<T>(
    path: string,
    request: RemoteRequest,
    use: (answer: Answer) => Promise<T>,
  ): Promise<T> {
    const { signal, idleTimeout = DEFAULT_TIMEOUT } = this.#options;
    if (signal?.aborted) throw new InterruptedError();
    const controller = new AbortController();
    const interrupt = () => controller.abort();
    signal?.addEventListener("abort", interrupt, { once: true });
    try {
      const { response, url } = await this.#follow(path, request, controller);
      const body = new TimedBody(response, { path, timeout: idleTimeout });
      try {
        const { status, headers } = response;
        if (!request.accept.includes(status)) {
          const { token } = this.#options;
          throw refusalError({ path, url: showUrl(url), status, headers, token });
        }
        return await use({ status, headers, url, body });
      } finally {
        await body.drop();
      }
    } catch (error) {
      if (signal?.aborted) throw new InterruptedError();
      throw error;
    } finally {
      signal?.removeEventListener("abort", interrupt);
      controller.abort(); // ends what a server would go on sending
    }
  }

  async #follow(
    path: string,
    request: RemoteRequest,
    controller: AbortController,
  ): Promise<{ response: Response; url: URL }> {
    let { url } = request;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const response = await this.#fetch(path, url, request, controller);
      if (!REDIRECTS.has(response.status)) return { response, url };
      await response.body?.cancel();
      url = redirectTarget(path, url, response.headers.get("location"));
    }
    throw new TinygraftError(
      `Cannot read "${path}": found over ${MAX_REDIRECTS} redirects, the last to ` +
        `${showUrl(url)}: check the address`,
      { code: "unexpected-answer", path },
    );
  }

  async #fetch(
    path: string,
    url: URL,
    request: RemoteRequest,
    controller: AbortController,
  ): Promise<Response> {
    const { headerTimeout = DEFAULT_TIMEOUT, fetch = globalThis.fetch } = this.#options;
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      controller.abort();
    }, headerTimeout);
    try {
      return await fetch(url, {
        headers: {
          "accept-encoding": "identity",
          ...request.headers,
          ...authorization(url, this.endpoint, this.#options.token),
        },
        redirect: "manual",
        signal: controller.signal,
      });
    } catch (error) {
      // The platform's message holds the whole address, signature included, so it is not kept.
      const reason = late
        ? `no answer came within ${headerTimeout / 1000} s`
        : `the connection failed${reasonOf(error)}`;
      throw new TransientError(
        `Cannot read "${path}": GET ${showUrl(url)}: ${reason}: check the network and the address`,
        { code: "hub-unavailable", path },
      );
    } finally {
      clearTimeout(timer);
    }
  }
}

/**
 * The header that shows who asks. The token goes to the Hub's own origin only, and never over a
 * line that others can read.
 *
 * @param url Where the request goes.
 * @param endpoint The Hub's address.
 * @param token The token, if there is one.
 * @returns The header, or none.
 */
export function authorization(
  url: URL,
  endpoint: URL,
  token: string | undefined,
): Record<string, string> {
  if (!token || url.origin !== endpoint.origin) return {};
  if (url.protocol !== "https:" && !isLoopback(url)) return {};
  return { "authorization": `Bearer ${token}` };
}

/**
 * What the platform says about a failed connection, without the address.
 *
 * @param error What `fetch` threw.
 * @returns The reason in parentheses behind a blank; "" where none is known.
 */
export function reasonOf(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const message = cause instanceof Error ? cause.message : "";
  const known =
    /dns error|connection refused|connection reset|connection closed|certificate|unreachable|blocked/i;
  const found = known.exec(message)?.[0];
  return found === undefined ? "" : ` (${found.toLowerCase()})`;
}

function isLoopback({ hostname }: URL): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d+){3}$/.test(hostname);
}

function redirectTarget(path: string, from: URL, location: string | null): URL {
  const target = location === null ? null : URL.parse(location, from);
  const refuse = (found: string) =>
    new TinygraftError(
      `Cannot read "${path}": ${showUrl(from)} redirects ${found}: check the address`,
      { code: "unexpected-answer", path },
    );
  if (target === null) throw refuse("without saying where to");
  // A platform's fetch may also read file: and data: addresses.
  if (!/^https?:$/.test(target.protocol)) throw refuse(`to a ${target.protocol} address`);
  if (from.protocol === "https:" && target.protocol === "http:" && !isLoopback(target)) {
    throw refuse(`from https to http, to ${showUrl(target)}`);
  }
  return target;
}
