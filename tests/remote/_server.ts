// A web server on loopback that serves files by ranges and fails as it is told to.

import { RemoteAccess } from "../../lib/remote/access.ts";
import type { RemoteOptions } from "../../lib/remote/client.ts";

/** One request as the server saw it. */
export interface Seen {
  readonly path: string;
  readonly query: string;
  readonly range: string | undefined;
  readonly token: string | undefined;
}

/** Answers one request in the place of the file. */
export type Fault = (
  request: Request,
  file: Uint8Array | undefined,
) => Response | Promise<Response>;

/** A server, stopped at the end of its scope. */
export class FaultServer implements AsyncDisposable {
  /** Every request, in order. */
  readonly seen: Seen[] = [];
  /** What it serves: path with its first slash to content. */
  readonly files = new Map<string, Uint8Array>();
  /** ETag of every answer; none when undefined. */
  etag: string | undefined = '"v1"';
  readonly #faults = new Map<string, Fault[]>();
  readonly #always = new Map<string, Fault>();
  readonly #server: Deno.HttpServer<Deno.NetAddr>;
  readonly #stop = new AbortController();

  constructor() {
    this.#server = Deno.serve(
      { hostname: "127.0.0.1", port: 0, signal: this.#stop.signal, onListen() {} },
      (request) => this.#answer(request),
    );
  }

  /** Its address, without a final slash. */
  get url(): string {
    return `http://127.0.0.1:${this.#server.addr.port}`;
  }

  /** Serves a file. */
  serve(path: string, content: string | Uint8Array): void {
    this.files.set(path, typeof content === "string" ? new TextEncoder().encode(content) : content);
  }

  /** Serves every file of a folder, subfolders left out. */
  async serveFolder(folder: string, prefix: string): Promise<void> {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile) this.serve(`${prefix}/${name}`, await Deno.readFile(`${folder}/${name}`));
    }
  }

  /** Fails the next requests of a path, one fault each. */
  fail(path: string, ...faults: Fault[]): void {
    this.#faults.set(path, [...this.#faults.get(path) ?? [], ...faults]);
  }

  /** Fails every request of a path. */
  failAlways(path: string, fault: Fault): void {
    this.#always.set(path, fault);
  }

  /** How often each path was asked for. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { path } of this.seen) counts[path] = (counts[path] ?? 0) + 1;
    return counts;
  }

  #knows(path: string): boolean {
    return this.files.has(path) || this.#faults.has(path) || this.#always.has(path);
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const path = [pathname, decodeURIComponent(pathname)].find((path) => this.#knows(path)) ??
      pathname;
    this.seen.push({
      path: pathname,
      query: search,
      range: request.headers.get("range") ?? undefined,
      token: request.headers.get("authorization") ?? undefined,
    });
    const file = this.files.get(path);
    const fault = this.#faults.get(path)?.shift() ?? this.#always.get(path);
    if (fault !== undefined) return await fault(request, file);
    const response = serveRange(request, file);
    if (this.etag !== undefined) response.headers.set("etag", this.etag);
    return response;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#server.finished;
  }
}

/** What a good server answers. */
export function serveRange(request: Request, file: Uint8Array | undefined): Response {
  if (file === undefined) return new Response("no such file", { status: 404 });
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "") ?? [];
  if (first === undefined) return new Response(file as Uint8Array<ArrayBuffer>);
  const begin = Number(first);
  const end = Math.min(Number(last) + 1, file.byteLength);
  const headers = { "content-range": `bytes */${file.byteLength}` };
  if (begin >= file.byteLength) return new Response(null, { status: 416, headers });
  headers["content-range"] = `bytes ${begin}-${end - 1}/${file.byteLength}`;
  return new Response(file.slice(begin, end) as Uint8Array<ArrayBuffer>, { status: 206, headers });
}

/** Answers with a status and headers. */
export function status(code: number, headers: Record<string, string> = {}): Fault {
  return () => new Response(code >= 300 && code < 400 ? null : "fault", { status: code, headers });
}

/** Sends the whole file whatever range is asked for. */
export const ignoreRange: Fault = (_, file) => new Response(file as Uint8Array<ArrayBuffer>);

/** Sends the first bytes of what is asked for, then breaks the connection. */
export function cutAfter(bytes: number): Fault {
  return async (request, file) => {
    const whole = serveRange(request, file);
    const body = new Uint8Array(await whole.arrayBuffer());
    const headers = new Headers(whole.headers);
    headers.set("content-length", `${body.byteLength}`);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(body.subarray(0, bytes));
        controller.close(); // fewer than announced, at which the connection is broken off
      },
    });
    return new Response(stream, { status: whole.status, headers });
  };
}

/** Sends fewer bytes than asked for, as if they were all: a chunked body that ends early. */
export function shortBody(bytes: number): Fault {
  return async (request, file) => {
    const whole = serveRange(request, file);
    const body = new Uint8Array(await whole.arrayBuffer()).subarray(0, bytes);
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(body);
        controller.close();
      },
    });
    return new Response(stream, { status: whole.status, headers: whole.headers });
  };
}

/** Waits before the headers, or, with `stall`, sends them and then no byte. */
export function slow(milliseconds: number, stall = false): Fault {
  return async (request, file) => {
    const whole = serveRange(request, file);
    const late = new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
    if (!stall) {
      await late;
      return whole;
    }
    await whole.body?.cancel();
    const stream = new ReadableStream({
      start: (controller) => late.then(() => controller.close()),
    });
    return new Response(stream, { status: whole.status, headers: whole.headers });
  };
}

/** Redirects to an address. */
export function redirect(location: string, code = 302): Fault {
  return status(code, { location });
}

/** A way to the server that notes how long it would have waited, and does not wait. */
export function access(options: RemoteOptions = {}): { remote: RemoteAccess; waits: number[] } {
  const waits: number[] = [];
  const sleep = (milliseconds: number) => {
    waits.push(milliseconds);
    return Promise.resolve();
  };
  return { remote: new RemoteAccess({ sleep, ...options }), waits };
}
