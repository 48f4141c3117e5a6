// What every route of the fake Hub answers with: errors as the Hub words them, and ranges of files.

import type { StoredBlob } from "./storage.ts";

/** A refusal on its way to the client. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    message: string,
    /** `X-Error-Code`, where the Hub sends one. */
    readonly code?: string,
  ) {
    super(message);
  }

  /** The refusal as an answer: JSON and headers say the same. */
  answer(): Response {
    const headers = new Headers({ "x-error-message": this.message });
    if (this.code !== undefined) headers.set("x-error-code", this.code);
    return Response.json({ error: this.message }, { status: this.status, headers });
  }
}

/** The Hub's refusals that have a code. */
export const refusals = {
  badToken: () => new Refused(401, "Invalid credentials in Authorization header"),
  noToken: () => new Refused(401, "Invalid username or password."),
  gated: (id: string) =>
    new Refused(
      403,
      `Access to model ${id} is restricted and you are not in the authorized list.`,
      "GatedRepo",
    ),
  repository: () => new Refused(404, "Repository not found", "RepoNotFound"),
  revision: (name: string) => new Refused(404, `Invalid rev id: ${name}`, "RevisionNotFound"),
  entry: (path: string) => new Refused(404, `Entry not found: ${path}`, "EntryNotFound"),
  route: () => new Refused(404, "Sorry, we can't find the page you are looking for."),
};

/** The JSON body of a request; 400 for anything else. */
export async function readJson(request: Request): Promise<Record<string, unknown>> {
  const value: unknown = await request.json().catch(() => undefined);
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new Refused(400, "Invalid JSON body");
}

/** A string of a JSON body; 400 for anything else. */
export function textOf(json: Record<string, unknown>, key: string): string {
  const value = json[key];
  if (typeof value === "string") return value;
  throw new Refused(400, `"${key}" must be a string`);
}

/** Sends a blob, or the one range of it that the request asks for. */
export function sendBlob(request: Request, blob: StoredBlob, headers: Headers): Response {
  headers.set("accept-ranges", "bytes");
  const { byteLength } = blob;
  const asked = /^bytes=(\d+)-(\d*)$/.exec(request.headers.get("range") ?? "");
  const begin = Number(asked?.[1] ?? 0);
  const last = asked?.[2] ? Number(asked[2]) : byteLength - 1;
  const end = Math.min(last + 1, byteLength);
  if (asked !== null && begin >= end) {
    headers.set("content-range", `bytes */${byteLength}`);
    return new Response(null, { status: 416, headers });
  }
  if (asked !== null) headers.set("content-range", `bytes ${begin}-${end - 1}/${byteLength}`);
  headers.set("content-length", `${end - begin}`);
  const body = request.method === "HEAD" ? null : blob.stream(begin, end);
  return new Response(body, { status: asked === null ? 200 : 206, headers });
}
