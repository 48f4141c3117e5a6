// Scripted faults of the fake Hub: each stands between a request and its answer.

/** Answers in the place of the server, which `next` asks. */
export type Fault = (
  request: Request,
  next: (request?: Request) => Promise<Response>,
) => Promise<Response>;

/** Which requests a fault befalls. */
export interface FaultRule {
  readonly method?: string;
  /** Matched against the decoded path, without the query. */
  readonly path: string | RegExp;
  /** How many of them, the first unless told; `Infinity` for every one. */
  readonly times?: number;
}

/** The rules of one server, in the order given. */
export class Faults {
  readonly #rules: { rule: FaultRule; fault: Fault; left: number }[] = [];

  add(rule: FaultRule, fault: Fault): void {
    this.#rules.push({ rule, fault, left: rule.times ?? 1 });
  }

  /** Takes the fault that a request is due, if any. */
  take(request: Request): Fault | undefined {
    const path = decodePath(new URL(request.url).pathname);
    const found = this.#rules.find(({ rule, left }) => {
      const isPath = typeof rule.path === "string" ? rule.path === path : rule.path.test(path);
      return left > 0 && isPath && (rule.method ?? request.method) === request.method;
    });
    if (found !== undefined) found.left--;
    return found?.fault;
  }
}

/** A path as people write it; one with broken escapes stands as it is. */
export function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Answers with a status, and does nothing. */
export function status(code: number, headers: Record<string, string> = {}): Fault {
  return async (request) => {
    await request.body?.cancel();
    return new Response(code >= 300 && code < 400 ? null : "scripted", { status: code, headers });
  };
}

/** Does what was asked, but the answer is lost on the way. */
export function loseAnswer(code = 502): Fault {
  return async (_, next) => {
    await (await next()).body?.cancel();
    return new Response("lost", { status: code });
  };
}

/** Sends the first bytes of the answer, then breaks the connection. */
export function dropAfter(bytes: number): Fault {
  return async (_, next) => replaceBody(await next(), (body) => body.subarray(0, bytes), true);
}

/** Sends the first bytes of the answer as if they were all: a chunked body that ends early. */
export function cutAfter(bytes: number): Fault {
  return async (_, next) => replaceBody(await next(), (body) => body.subarray(0, bytes), false);
}

/** Sends other bytes of the right length. */
export const wrongBytes: Fault = async (_, next) =>
  await replaceBody(await next(), (body) => body.map((byte) => byte ^ 0x55), true);

/** Sends the whole file whatever range is asked for. */
export const ignoreRange: Fault = async (request, next) => {
  const headers = new Headers(request.headers);
  headers.delete("range");
  return await next(new Request(request.url, { headers }));
};

/** Sends the headers and some bytes, and then nothing. */
export function stallAfter(bytes: number, milliseconds: number): Fault {
  return async (_, next) => {
    const response = await next();
    const body = new Uint8Array(await response.arrayBuffer());
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        controller.enqueue(body.subarray(0, bytes));
        timer = setTimeout(() => controller.close(), milliseconds);
      },
      cancel: () => clearTimeout(timer),
    });
    const { status, headers } = response;
    return new Response(stream, { status, headers });
  };
}

/** Waits before the answer. */
export function delay(milliseconds: number): Fault {
  return async (_, next) => {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    return await next();
  };
}

/** Does something first, such as a commit of another writer. */
export function before(action: () => Promise<unknown>): Fault {
  return async (_, next) => {
    await action();
    return await next();
  };
}

/** Changes the JSON of an answer. */
export function editJson(edit: (json: unknown) => unknown): Fault {
  return async (_, next) => {
    const response = await next();
    const headers = new Headers(response.headers);
    headers.delete("content-length");
    const json = edit(await response.json());
    return Response.json(json, { status: response.status, headers });
  };
}

/** Changes the headers of an answer. */
export function editHeaders(edit: (headers: Headers) => void): Fault {
  return async (_, next) => {
    const response = await next();
    const headers = new Headers(response.headers);
    edit(headers);
    return new Response(response.body, { status: response.status, headers });
  };
}

async function replaceBody(
  response: Response,
  edit: (body: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>,
  announced: boolean,
): Promise<Response> {
  const body = new Uint8Array(await response.arrayBuffer());
  const headers = new Headers(response.headers);
  headers.delete("content-length");
  if (announced) headers.set("content-length", `${body.byteLength}`);
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      controller.enqueue(edit(body));
      controller.close(); // where fewer than announced came, the connection is broken off
    },
  });
  return new Response(stream, { status: response.status, headers });
}
