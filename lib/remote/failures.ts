/**
 * What a server's refusal means, as coded errors, and which failures are worth another try.
 *
 * @module
 */

import { type ErrorCode, type ErrorDetails, TinygraftError } from "../errors.ts";

/** Statuses after which the same request may succeed. */
const TRANSIENT_STATUSES = new Set([408, 429, 500, 502, 503, 504]);
const LONGEST_MESSAGE = 200;

/** A failure that may pass: the request is made again until the tries are used up. */
export class TransientError extends TinygraftError {
  /** How long the server asked to wait, in milliseconds, if it did. */
  readonly wait: number | undefined;

  /**
   * Creates the error.
   *
   * @param message What was attempted and found.
   * @param details The stable code.
   * @param wait How long the server asked to wait, in milliseconds.
   */
  constructor(message: string, details: ErrorDetails, wait?: number) {
    super(message, details);
    this.wait = wait;
  }
}

/** An answer that is not what was asked for. */
export interface Refusal {
  /** What was attempted, "read" unless given. */
  readonly action?: string;
  /** What was to be read, as it may be shown. */
  readonly path: string;
  /** The request's method, GET unless given. */
  readonly method?: string;
  /** The request's address without its query. */
  readonly url: string;
  /** The HTTP status. */
  readonly status: number;
  /** The answer's headers. */
  readonly headers: Headers;
  /** What the server says in the body, where the headers say nothing. */
  readonly said?: string | undefined;
  /** The token that the session holds, to be masked in what the server says. */
  readonly token: string | undefined;
}

interface Meaning {
  readonly code: ErrorCode;
  readonly remedy: string;
}

const ACCESS = "set HF_TOKEN to a token that may read it, and check the name";
const BY_ERROR_CODE: ReadonlyMap<string, Meaning> = new Map([
  ["GatedRepo", {
    code: "gated-repo",
    remedy: "accept its terms on the model's page, then set HF_TOKEN",
  }],
  ["RepoNotFound", { code: "repo-not-found", remedy: `if it is private, ${ACCESS}` }],
  ["RevisionNotFound", { code: "revision-not-found", remedy: "check the revision after the @" }],
  ["EntryNotFound", { code: "file-not-found", remedy: "check the path" }],
]);
const BY_STATUS: ReadonlyMap<number, Meaning> = new Map([
  [401, { code: "hub-unauthorized", remedy: ACCESS }],
  [403, { code: "hub-forbidden", remedy: "ask for access, or use a token that has it" }],
  [404, { code: "file-not-found", remedy: "check the address" }],
  [413, { code: "too-large", remedy: "push smaller files, such as shards" }],
  [410, { code: "file-not-found", remedy: "check the address" }],
  [429, { code: "rate-limited", remedy: "try again later" }],
]);

/**
 * Turns an answer that is none into the error to throw.
 *
 * @param refusal The answer.
 * @returns A {@linkcode TransientError} for statuses that may pass, else a plain coded error.
 */
export function refusalError(refusal: Refusal): TinygraftError {
  const { action = "read", method = "GET", path, url, status, headers } = refusal;
  const { code, remedy } = meaningOf(refusal);
  const said = headers.get("x-error-message") ?? refusal.said;
  const reason = said === undefined
    ? ""
    : ` (${mask(said, refusal.token).slice(0, LONGEST_MESSAGE)})`;
  const message =
    `Cannot ${action} "${path}": ${method} ${url} was answered with ${status}${reason}: ${remedy}`;
  if (!TRANSIENT_STATUSES.has(status)) return new TinygraftError(message, { code, path });
  return new TransientError(message, { code, path }, askedWait(status, headers));
}

function meaningOf({ status, headers }: Refusal): Meaning {
  const named = BY_ERROR_CODE.get(headers.get("x-error-code") ?? "");
  const meaning = named ?? BY_STATUS.get(status);
  if (meaning !== undefined) return meaning;
  return TRANSIENT_STATUSES.has(status)
    ? { code: "hub-unavailable", remedy: "try again later" }
    : { code: "unexpected-answer", remedy: "check the address" };
}

/**
 * Hides tokens in text that a server sent.
 *
 * @param text The text.
 * @param token The token that the session holds, of whatever form.
 * @returns The text with `hf_***` for every token of the Hub, on one line.
 */
export function mask(text: string, token: string | undefined): string {
  const known = !token ? text : text.replaceAll(token, "hf_***");
  return known.replace(/hf_[A-Za-z0-9]+/g, "hf_***").replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, " ");
}

/**
 * Reads how long a server asks to wait.
 *
 * @param status The answer's status.
 * @param headers `ratelimit: "api";r=0;t=55` (no requests left, renewed in 55 s), else
 * `Retry-After`, in seconds or as a date.
 * @param now The time, in milliseconds since 1970.
 * @returns Milliseconds; `undefined` when it does not say.
 */
export function askedWait(status: number, headers: Headers, now = Date.now()): number | undefined {
  if (status !== 429 && status !== 503) return undefined;
  const limit = headers.get("ratelimit") ?? "";
  const renewed = /;\s*t=(\d+)/.exec(limit)?.[1];
  if (/;\s*r=0(?!\d)/.test(limit) && renewed !== undefined) return 1000 * (Number(renewed) + 1);
  const after = headers.get("retry-after")?.trim() ?? "";
  if (/^\d+$/.test(after)) return 1000 * Number(after);
  const date = Date.parse(after);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
