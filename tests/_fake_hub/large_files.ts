// Large files of the fake Hub: Git's LFS batch call, and storage on an origin of its own that is
// reached by signed addresses and never may see a token.

import { join } from "@std/path";
import type { Account } from "./accounts.ts";
import { readJson, refusals, Refused, sendBlob, textOf } from "./answers.ts";
import { assertWritable } from "./write_access.ts";
import type { Repository } from "./repository.ts";
import type { BlobStorage } from "./storage.ts";

const LFS_TYPE = { "content-type": "application/vnd.git-lfs+json" };
const SIGNATURE = "X-Signature=c2VjcmV0";
const XET_TOKEN = "xet_secret";

/** Storage and the calls that lead to it. */
export class LargeFiles {
  /** Content that was uploaded and then confirmed by a `verify` call. */
  readonly verified = new Set<string>();
  /** Whether clients that offer Xet are sent there. */
  xet = false;
  /** Content promised to Xet, by SHA-256, in bytes. */
  readonly #promised = new Map<string, number>();
  /** Repositories that asked to upload content, by its SHA-256. */
  readonly #wanting = new Map<string, Set<Repository>>();

  constructor(
    readonly storage: BlobStorage,
    readonly origin: string,
    readonly partBytes: number,
  ) {}

  /** The signed address of content. */
  downloadUrl(sha256: string): string {
    return `${this.origin}/blobs/${sha256}?${SIGNATURE}`;
  }

  /** Answers `/{id}.git/info/lfs/…` of the Hub itself. */
  async answerBatch(
    request: Request,
    repository: Repository,
    parts: readonly string[],
    account: Account | undefined,
  ): Promise<Response> {
    const call = parts.join("/");
    if (request.method !== "POST") throw refusals.route();
    assertWritable(repository, account);
    const json = await readJson(request);
    if (call === "info/lfs/objects/verify") return this.#verify(json);
    if (call !== "info/lfs/objects/batch") throw refusals.route();
    if (!["sha_256", "sha256", undefined].includes(json["hash_algo"] as string | undefined)) {
      throw new Refused(400, "Unknown hash algorithm");
    }
    const objects = json["objects"] as { oid: string; size: number }[];
    const url = new URL(request.url);
    if (this.xet && (json["transfers"] as string[]).includes("xet")) {
      const href = `${url.origin}/api/models/${repository.id}/xet-write-token/main`;
      const described = objects.map((object) => this.#describeXet(object, href, repository));
      return Response.json({ transfer: "xet", objects: described }, { headers: LFS_TYPE });
    }
    const verifyUrl = `${url.origin}/${repository.id}.git/info/lfs/objects/verify`;
    const described = objects.map((object) => this.#describe(object, verifyUrl, repository));
    const multipart = objects.some(({ size }) => size > this.partBytes);
    const transfer = multipart ? "multipart" : "basic";
    return Response.json({ transfer, objects: described }, { headers: LFS_TYPE });
  }

  /** Whether a repository has content; else it is noted that it wants it. */
  #has(repository: Repository, oid: string, size: number): boolean {
    const isThere = repository.objects.has(oid) && this.storage.get(oid)?.byteLength === size;
    if (!isThere) {
      this.#wanting.set(oid, (this.#wanting.get(oid) ?? new Set()).add(repository));
    }
    return isThere;
  }

  #arrived(oid: string): void {
    for (const repository of this.#wanting.get(oid) ?? []) repository.objects.add(oid);
  }

  #describe(
    { oid, size }: { oid: string; size: number },
    verifyUrl: string,
    repository: Repository,
  ): unknown {
    if (!/^[0-9a-f]{64}$/.test(oid)) {
      return { oid, size, error: { code: 422, message: "Invalid oid" } };
    }
    if (this.#has(repository, oid, size)) return { oid, size, authenticated: true };
    const href = `${this.origin}/uploads/${oid}?${SIGNATURE}`;
    const header: Record<string, string> = {};
    if (size > this.partBytes) {
      header["chunk_size"] = `${this.partBytes}`;
      const count = Math.ceil(size / this.partBytes);
      for (let part = 1; part <= count; part++) {
        const key = `${part}`.padStart(5, "0");
        header[key] = `${this.origin}/parts/${oid}/${part}?${SIGNATURE}`;
      }
    }
    const actions = { upload: { href, header }, verify: { href: verifyUrl, header: {} } };
    return { oid, size, authenticated: true, actions };
  }

  #describeXet(
    { oid, size }: { oid: string; size: number },
    href: string,
    repository: Repository,
  ): unknown {
    if (this.#has(repository, oid, size)) return { oid, size };
    this.#promised.set(oid, size);
    const header = {
      "X-Xet-Cas-Url": this.origin,
      "X-Xet-Access-Token": XET_TOKEN,
      "X-Xet-Token-Expiration": `${Math.round(Date.now() / 1000) + 3600}`,
      "X-Xet-Session-Id": "session",
    };
    return { oid, size, actions: { upload: { href, header } } };
  }

  /** A part of Xet: it takes what comes and looks into none of it. */
  async #answerXet(request: Request, call: string): Promise<Response> {
    if (request.headers.get("authorization") !== `Bearer ${XET_TOKEN}`) {
      throw new Refused(401, "Unauthorized");
    }
    if (call.startsWith("chunks/")) throw new Refused(404, "No such chunk");
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.byteLength === 0) throw new Refused(400, "Nothing came");
    if (call.startsWith("xorbs/")) return Response.json({ "was_inserted": true });
    for (const [oid, size] of this.#promised) {
      this.storage.promise(oid, size);
      this.#arrived(oid);
    }
    return Response.json({ result: 1 });
  }

  #verify(json: Record<string, unknown>): Response {
    const oid = textOf(json, "oid");
    if (this.storage.get(oid)?.byteLength !== json["size"]) {
      throw new Refused(404, "The object is not in storage");
    }
    this.verified.add(oid);
    return Response.json({ success: true });
  }

  /** Answers requests at the storage's own origin. */
  async answer(request: Request): Promise<Response> {
    const { pathname, search } = new URL(request.url);
    const [kind, sha256 = "", part] = pathname.slice(1).split("/");
    if (kind === "v1") return await this.#answerXet(request, pathname.slice("/v1/".length));
    if (search !== `?${SIGNATURE}`) throw new Refused(403, "Request has no valid signature");
    if (request.headers.has("authorization")) {
      throw new Refused(400, "Only one authentication mechanism is allowed");
    }
    const key = `${request.method} ${kind}`;
    if (key === "GET blobs" || key === "HEAD blobs") return this.#download(request, sha256);
    if (key === "PUT uploads") return await this.#upload(request, sha256);
    if (key === "PUT parts") return await this.#uploadPart(request, sha256, Number(part));
    if (key === "POST uploads") return await this.#joinParts(request, sha256);
    throw refusals.route();
  }

  #download(request: Request, sha256: string): Response {
    const blob = this.storage.get(sha256);
    if (blob === undefined) throw new Refused(404, "No such key");
    return sendBlob(request, blob, new Headers({ etag: `"${sha256}"` }));
  }

  async #upload(request: Request, sha256: string): Promise<Response> {
    if (!request.headers.has("content-length")) throw new Refused(411, "Length required");
    const body = request.body ?? new Uint8Array(0);
    const blob = await this.storage.put(body, sha256);
    if (blob === undefined) throw new Refused(400, "The content has another checksum");
    this.#arrived(sha256);
    return new Response(null, { headers: { etag: `"${sha256}"` } });
  }

  #partPath(sha256: string, part: number): string {
    return join(this.storage.folder, `part-${sha256}-${part}`);
  }

  async #uploadPart(request: Request, sha256: string, part: number): Promise<Response> {
    const bytes = new Uint8Array(await request.arrayBuffer());
    if (bytes.byteLength > this.partBytes) throw new Refused(413, "The part is too large");
    await Deno.writeFile(this.#partPath(sha256, part), bytes);
    return new Response(null, { headers: { etag: `"part-${part}"` } });
  }

  async #joinParts(request: Request, sha256: string): Promise<Response> {
    const json = await readJson(request);
    const parts = json["parts"] as { partNumber: number; etag: string }[];
    const read = async function* (path: (part: number) => string) {
      for (const { partNumber, etag } of parts) {
        if (etag !== `"part-${partNumber}"`) throw new Refused(400, "Unknown part");
        yield await Deno.readFile(path(partNumber));
      }
    };
    const content = ReadableStream.from(read((part) => this.#partPath(sha256, part)));
    const blob = await this.storage.put(content, sha256);
    if (blob === undefined) throw new Refused(400, "The parts have another checksum");
    this.#arrived(sha256);
    return Response.json({ success: true }, { headers: LFS_TYPE });
  }
}
