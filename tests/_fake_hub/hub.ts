// A Hugging Face Hub on loopback: repositories of models, large files on a second origin, scripted
// faults. Real are the wire format, ranges, hashes and commits; accounts, the choice between small
// and large files, gating and the rules for cards are simulated.

import { readAccess, readRoutes } from "./read_routes.ts";
import { answerApi } from "./api_routes.ts";
import { refusals, Refused } from "./answers.ts";
import { accountOf } from "./accounts.ts";
import { decodePath, type Fault, type FaultRule, Faults } from "./faults.ts";
import { LargeFiles } from "./large_files.ts";
import { type Commit, Repository, type TreeFile } from "./repository.ts";
import { BlobStorage, gitSha1, lfsPointer, type StoredBlob } from "./storage.ts";
import { TRACKED } from "./upload_modes.ts";

/** One request as a server saw it. */
export interface Seen {
  readonly server: "hub" | "storage";
  readonly method: string;
  /** Decoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly range: string | undefined;
  readonly token: string | undefined;
}

/** How the Hub is set up. */
export interface FakeHubOptions {
  /** Port of the Hub, any free one unless given. */
  readonly port?: number;
  /** Entries of one page of a listing; 1,000 unless given. */
  readonly pageSize?: number;
  /** Bytes of a part, from which on a large file is uploaded in several; 5 GB unless given. */
  readonly partBytes?: number;
}

/** The servers and what they hold; stopped at the end of their scope. */
export class FakeHub implements AsyncDisposable {
  /** Every request, in order. */
  readonly seen: Seen[] = [];
  /** Bytes of the bodies that were sent, by decoded path. */
  readonly sent = new Map<string, number>();
  readonly repositories = new Map<string, Repository>();
  readonly storage: BlobStorage;
  readonly largeFiles: LargeFiles;
  readonly pageSize: number;
  readonly #faults = new Faults();
  readonly #hub: Deno.HttpServer<Deno.NetAddr>;
  readonly #storage: Deno.HttpServer<Deno.NetAddr>;
  readonly #stop = new AbortController();
  #requests = 0;

  private constructor(readonly folder: string, options: FakeHubOptions) {
    this.storage = new BlobStorage(folder);
    this.pageSize = options.pageSize ?? 1000;
    const listen = (port: number) => ({
      hostname: "127.0.0.1",
      port,
      signal: this.#stop.signal,
      onListen() {},
      onError: (error: unknown) => {
        // A client that went away, as in many tests, is no news.
        if (!(error instanceof Deno.errors.BadResource)) console.error(error);
        return new Response("broken", { status: 500 });
      },
    });
    this.#hub = Deno.serve(
      listen(options.port ?? 0),
      (request) => this.#answer("hub", request),
    );
    this.#storage = Deno.serve(listen(0), (request) => this.#answer("storage", request));
    const origin = `http://127.0.0.1:${this.#storage.addr.port}`;
    this.largeFiles = new LargeFiles(this.storage, origin, options.partBytes ?? 5_000_000_000);
  }

  /** Starts the servers; content lies in a temporary folder. */
  static async start(options: FakeHubOptions = {}): Promise<FakeHub> {
    return new FakeHub(await Deno.makeTempDir({ prefix: "fake-hub-" }), options);
  }

  /** The Hub's address, without a final slash. */
  get url(): string {
    return `http://127.0.0.1:${this.#hub.addr.port}`;
  }

  /** Lets requests fail as told. */
  fault(rule: FaultRule, fault: Fault): void {
    this.#faults.add(rule, fault);
  }

  /** How often each method and path was asked for. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { method, path } of this.seen) {
      const key = `${method} ${path}`;
      counts[key] = (counts[key] ?? 0) + 1;
    }
    return counts;
  }

  /** Makes a repository with its first commit, as the Hub does. */
  async create(id: string, isPrivate = false): Promise<Repository> {
    const repository = new Repository(id, isPrivate);
    const content = TRACKED.map((glob) => `${glob} filter=lfs diff=lfs merge=lfs -text\n`).join("");
    const attributes = await this.store(new TextEncoder().encode(content), false);
    repository.commit("main", "initial commit", new Map([[".gitattributes", attributes]]));
    this.repositories.set(id, repository);
    return repository;
  }

  /** Commits files, large ones where the name says so. */
  async commit(
    id: string,
    files: Readonly<Record<string, Uint8Array | string>>,
    ref = "main",
  ): Promise<Commit> {
    const repository = this.repositories.get(id) ?? await this.create(id);
    const changes = new Map<string, TreeFile>();
    for (const [path, content] of Object.entries(files)) {
      const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content;
      const file = await this.store(bytes, /\.(?:safetensors|bin|pt|parquet)$/.test(path));
      if (file.lfs) repository.objects.add(file.sha256);
      changes.set(path, file);
    }
    return repository.commit(ref, "Add files", changes);
  }

  /** Stores content and describes it as an entry of a tree. */
  async store(bytes: Uint8Array, lfs: boolean): Promise<TreeFile> {
    const { sha256, byteLength } = (await this.storage.put(bytes))!;
    const oid = gitSha1(lfs ? lfsPointer(sha256, byteLength) : bytes);
    return { oid, size: byteLength, sha256, lfs };
  }

  /** The content of a file of a tree. */
  content(file: TreeFile): StoredBlob {
    const blob = this.storage.get(file.sha256);
    if (blob === undefined) throw new Refused(500, "The content is lost");
    return blob;
  }

  async #answer(server: Seen["server"], request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    this.seen.push({
      server,
      method: request.method,
      path: decodePath(pathname),
      query: searchParams,
      range: request.headers.get("range") ?? undefined,
      token: request.headers.get("authorization") ?? undefined,
    });
    const serve = async (asked: Request = request) => {
      try {
        return server === "hub"
          ? await this.#answerHub(asked)
          : await this.largeFiles.answer(asked);
      } catch (error) {
        await asked.body?.cancel().catch(() => {});
        if (error instanceof Refused) return error.answer();
        throw error;
      }
    };
    const fault = this.#faults.take(request);
    const response = fault === undefined ? await serve() : await fault(request, serve);
    const bytes = request.method === "GET" ? Number(response.headers.get("content-length")) : 0;
    const path = decodePath(pathname);
    this.sent.set(path, (this.sent.get(path) ?? 0) + bytes);
    response.headers.set("x-request-id", `Root=1-${++this.#requests}`);
    return response;
  }

  async #answerHub(request: Request): Promise<Response> {
    const account = accountOf(request);
    const url = new URL(request.url);
    const parts = url.pathname.slice(1).split("/").map(decodePath);
    if (parts[0] === "api") {
      return await answerApi({ hub: this, request, url, parts: parts.slice(1), account });
    }
    if (parts[1]?.endsWith(".git")) {
      const repository = readAccess(this, `${parts[0]}/${parts[1].slice(0, -4)}`, account);
      return await this.largeFiles.answerBatch(request, repository, parts.slice(2), account);
    }
    return readRoutes({ hub: this, request, url, parts, account });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#hub.finished, this.#storage.finished]);
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** A request on its way through the routes. */
export interface Call {
  readonly hub: FakeHub;
  readonly request: Request;
  readonly url: URL;
  /** The path's parts, decoded, behind what led here. */
  readonly parts: readonly string[];
  readonly account: ReturnType<typeof accountOf>;
}

/** Refuses a method that a route does not have. */
export function assertMethod(request: Request, ...methods: readonly string[]): void {
  if (!methods.includes(request.method)) throw refusals.route();
}
