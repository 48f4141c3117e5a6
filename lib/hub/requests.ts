/**
 * Requests that change something on the Hub, as the npm client makes them: the token put in where it
 * may go, redirects by hand, time limits, and retries where repeating does no harm.
 *
 * @module
 */

import { InterruptedError, TinygraftError } from "../errors.ts";
import { showUrl } from "../remote/address.ts";
import { authorization, reasonOf, type RemoteOptions } from "../remote/client.ts";
import { mask, refusalError, TransientError } from "../remote/failures.ts";
import { retry } from "../remote/retry.ts";

/** What stands for the token: the npm client never holds the real one, so it cannot leak it. */
export const TOKEN_MARKER = "hf_marker";

/** Longest wait for an answer after the last byte of a request, in milliseconds: commits are slow. */
const ANSWER_TIMEOUT = 60_000;
const MAX_REDIRECTS = 5;
const COMMIT_PATH = /\/commit\/[^/]+$/;

/** A refusal of the Hub with its status, for callers that can do something about it. */
export class RefusedError extends TinygraftError {
  /** The class's name. */
  override name = "RefusedError";

  /**
   * Creates the error.
   *
   * @param status The HTTP status.
   * @param said What the Hub said, without tokens.
   * @param error The error that it is for everybody else.
   */
  constructor(readonly status: number, readonly said: string, error: TinygraftError) {
    super(error.message, { code: error.code, path: error.path });
  }
}

/** How the Hub is asked. */
export interface RequestOptions extends RemoteOptions {
  /** The Hub's address. */
  readonly endpoint: string;
  /** Where to push, as it may be shown in errors. */
  readonly path: string;
}

/**
 * Makes a `fetch` for the npm client.
 *
 * It answers only with what is good; refusals of the Hub and of storage it throws. Other servers,
 * those of Xet, may refuse.
 *
 * @param options How the Hub is asked.
 * @returns The function. It throws {@linkcode RefusedError}, or another coded error after the last
 * try; a commit is tried once, and may throw {@linkcode TransientError}.
 */
export function hubFetch(options: RequestOptions): typeof fetch {
  const endpoint = new URL(options.endpoint);
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const attempt = () => send(url, init, endpoint, options);
    if (isCommit(url, init)) return await attempt(); // a second one could do something twice
    try {
      return await retry(attempt, options);
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      const { message, code, path } = error;
      throw new TinygraftError(message, { code, path }); // it has been tried often enough
    }
  };
}

function isCommit({ pathname }: URL, { method }: RequestInit): boolean {
  return method === "POST" && COMMIT_PATH.test(pathname);
}

/**
 * Lets commits say more than the npm client has words for.
 *
 * @param send The npm client's `fetch`.
 * @param lines Operations of the commit beside the client's own, each an object for one line.
 * @returns A `fetch` that adds them to the body of every commit.
 */
export function addToCommits(send: typeof fetch, lines: readonly object[]): typeof fetch {
  if (lines.length === 0) return send;
  const added = lines.map((line) => `\n${JSON.stringify(line)}`).join("");
  return (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const { body } = init;
    return isCommit(url, init) && typeof body === "string"
      ? send(input, { ...init, body: body + added })
      : send(input, init);
  };
}

async function send(
  target: URL,
  init: RequestInit,
  endpoint: URL,
  options: RequestOptions,
): Promise<Response> {
  const { method = "GET" } = init;
  // Servers of Xet have their own tokens, and answer 404 where nothing is wrong.
  const isXet = target.origin !== endpoint.origin && method !== "PUT";
  let url = target;
  for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
    const response = await sendOnce(url, init, isXet, endpoint, options);
    const location = response.headers.get("location");
    const isRedirect = response.status >= 300 && response.status < 400 && location !== null;
    if (!isRedirect) return await assertGood(response, url, method, isXet, options);
    await response.body?.cancel();
    const next = URL.parse(location, url);
    const keepsMethod = /^30[78]$/.test(`${response.status}`) || /^(?:GET|HEAD)$/.test(method);
    if (next === null || !/^https?:$/.test(next.protocol) || !keepsMethod) break;
    url = next;
  }
  throw new TinygraftError(
    `Cannot push to "${options.path}": ${method} ${
      showUrl(url)
    } redirects in a way that cannot be ` +
      "followed: check HF_ENDPOINT",
    { code: "unexpected-answer", path: options.path },
  );
}

async function sendOnce(
  url: URL,
  init: RequestInit,
  isXet: boolean,
  endpoint: URL,
  options: RequestOptions,
): Promise<Response> {
  const { token, path, signal, fetch = globalThis.fetch } = options;
  if (signal?.aborted) throw new InterruptedError();
  const headers = new Headers(init.headers);
  if (headers.get("authorization") === `Bearer ${TOKEN_MARKER}`) headers.delete("authorization");
  for (const [name, value] of Object.entries(authorization(url, endpoint, token))) {
    headers.set(name, value);
  }
  const watch = new Watch(options.idleTimeout, [signal, init.signal ?? undefined]);
  const { method = "GET", body } = init;
  try {
    const response = await fetch(url, {
      method,
      headers,
      body: body instanceof Blob ? new WatchedBlob(body, watch) : body ?? null,
      redirect: "manual",
      signal: watch.signal,
    });
    return isXet ? response : await readWhole(response);
  } catch (error) {
    if (signal?.aborted) throw new InterruptedError();
    if (init.signal?.aborted) throw error; // the npm client ends what a failure made useless
    const reason = watch.isLate
      ? "no answer came in time"
      : `the connection failed${reasonOf(error)}`;
    throw new TransientError(
      `Cannot push to "${path}": ${method} ${showUrl(url)}: ${reason}: check the network`,
      { code: "hub-unavailable", path },
    );
  } finally {
    watch.stop();
  }
}

/** Reads an answer to its end, so that one that breaks off or is cut is no answer. */
async function readWhole(response: Response): Promise<Response> {
  const { status, headers } = response;
  const bytes = await response.arrayBuffer();
  const isJson = headers.get("content-type")?.startsWith("application/json") ?? false;
  if (response.ok && isJson) JSON.parse(new TextDecoder().decode(bytes));
  return new Response(bytes.byteLength === 0 ? null : bytes, { status, headers });
}

/** Throws what is no success, in the Hub's own words without tokens. */
async function assertGood(
  response: Response,
  url: URL,
  method: string,
  isXet: boolean,
  { path, token }: RequestOptions,
): Promise<Response> {
  const { status, headers, ok } = response;
  if (ok) return response;
  const refusal = { action: "push to", path, method, url: showUrl(url), status, headers, token };
  const isTransient = refusalError(refusal) instanceof TransientError;
  if (isXet && !isTransient) return response;
  const said = await sayingOf(response, token);
  const error = refusalError({ ...refusal, said });
  if (isTransient) throw error;
  if (status === 409 && /conflicting operation/i.test(said ?? "")) {
    throw new TransientError(error.message, { code: "hub-unavailable", path });
  }
  throw new RefusedError(status, said ?? "", error);
}

/** What a refusal's body says, of JSON only; the body is used up. */
async function sayingOf(
  response: Response,
  token: string | undefined,
): Promise<string | undefined> {
  if (!response.headers.get("content-type")?.startsWith("application/json")) {
    await response.body?.cancel();
    return undefined;
  }
  try {
    const { error, errors } = await response.json() as { error?: unknown; errors?: unknown };
    const messages = Array.isArray(errors)
      ? errors.map((each) => (each as { message?: unknown } | null)?.message)
      : [error];
    const said = messages.filter((message) => typeof message === "string").join("; ");
    return said === "" ? undefined : mask(said, token);
  } catch {
    return undefined; // no JSON after all: the status alone must do
  }
}

/** Ends a request when neither side has done anything for too long. */
class Watch {
  readonly #controller = new AbortController();
  readonly #stop = new AbortController();
  readonly #timeout: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  isLate = false;

  constructor(idleTimeout: number | undefined, signals: readonly (AbortSignal | undefined)[]) {
    this.#timeout = Math.max(ANSWER_TIMEOUT, idleTimeout ?? 0);
    for (const signal of signals) {
      const abort = () => this.#controller.abort();
      signal?.addEventListener("abort", abort, { signal: this.#stop.signal });
      if (signal?.aborted) abort();
    }
    this.touch();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something has happened. */
  touch(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.isLate = true;
      this.#controller.abort();
    }, this.#timeout);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#stop.abort();
  }
}

/** A blob that tells a watch when it is read; its length goes into Content-Length. */
class WatchedBlob extends Blob {
  readonly #blob: Blob;
  readonly #watch: Watch;

  constructor(blob: Blob, watch: Watch) {
    super();
    this.#blob = blob;
    this.#watch = watch;
  }

  override get size(): number {
    return this.#blob.size;
  }

  override stream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    const watch = this.#watch;
    return this.#blob.stream().pipeThrough(
      new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(piece, controller) {
          watch.touch();
          controller.enqueue(piece);
        },
      }),
    );
  }
}
