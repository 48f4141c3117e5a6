import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  askedWait,
  mask,
  type Refusal,
  refusalError,
  TransientError,
} from "../../lib/remote/failures.ts";

function refusal(status: number, headers: Record<string, string> = {}): Refusal {
  const url = "https://h/x";
  return { path: "hf://o/n", url, status, headers: new Headers(headers), token: "my-token" };
}

Deno.test("refusalError() names what the Hub means", () => {
  const cases: [number, Record<string, string>, string][] = [
    [401, {}, "hub-unauthorized"],
    [403, {}, "hub-forbidden"],
    [403, { "x-error-code": "GatedRepo" }, "gated-repo"],
    [401, { "x-error-code": "RepoNotFound" }, "repo-not-found"],
    [404, { "x-error-code": "RevisionNotFound" }, "revision-not-found"],
    [404, { "x-error-code": "EntryNotFound" }, "file-not-found"],
    [404, {}, "file-not-found"],
    [410, {}, "file-not-found"],
    [418, {}, "unexpected-answer"],
    [429, {}, "rate-limited"],
    [503, {}, "hub-unavailable"],
  ];
  for (const [status, headers, code] of cases) {
    assertEquals(refusalError(refusal(status, headers)).code, code, `${status}`);
  }
});

Deno.test("refusalError() knows which refusals may pass", () => {
  const passing = [400, 401, 403, 404, 408, 416, 429, 500, 501, 502, 503, 504]
    .filter((status) => refusalError(refusal(status)) instanceof TransientError);
  assertEquals(passing, [408, 429, 500, 502, 503, 504]);
});

Deno.test("refusalError() repeats what the server says without tokens", () => {
  const said = "bad my-token and hf_AbC123\u0007";
  const { message } = refusalError(refusal(401, { "x-error-message": said }));
  assertStringIncludes(message, "(bad hf_*** and hf_*** )");
  assertStringIncludes(message, "401");
  assert(!message.includes("my-token") && !message.includes("hf_AbC123"));
});

Deno.test("mask() hides tokens of any form", () => {
  assertEquals(mask("Bearer hf_x1, secret-1", "secret-1"), "Bearer hf_***, hf_***");
  assertEquals(mask("nothing here", undefined), "nothing here");
});

Deno.test("askedWait() reads both ways of asking to wait", () => {
  const wait = (status: number, headers: Record<string, string>) =>
    askedWait(status, new Headers(headers), Date.UTC(2026, 0, 1));
  assertEquals(wait(429, { "ratelimit": '"api";r=0;t=55' }), 56_000);
  assertEquals(wait(429, { "ratelimit": '"api";r=3;t=55', "retry-after": "7" }), 7000);
  assertEquals(wait(429, { "ratelimit": '"api";r=03;t=55' }), undefined);
  assertEquals(wait(503, { "retry-after": "Thu, 01 Jan 2026 00:00:30 GMT" }), 30_000);
  assertEquals(wait(503, { "retry-after": "Wed, 31 Dec 2025 00:00:00 GMT" }), 0);
  assertEquals(wait(429, { "retry-after": "soon" }), undefined);
  assertEquals(wait(500, { "retry-after": "7" }), undefined);
});
