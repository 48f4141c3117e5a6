// Reading files of the fake Hub: `/{id}/resolve/{revision}/{path}` and `/{id}/raw/…`.

import { type Account, assertVisible, isMember } from "./accounts.ts";
import { refusals, sendBlob } from "./answers.ts";
import { assertMethod, type Call, type FakeHub } from "./hub.ts";
import type { Repository } from "./repository.ts";
import { lfsPointer } from "./storage.ts";

/** The repository, if the account may know of it. */
export function readAccess(hub: FakeHub, id: string, account: Account | undefined): Repository {
  const repository = hub.repositories.get(id);
  assertVisible(repository, account);
  return repository;
}

/** Takes a revision off the front of a path: `refs/pr/N` may be written with plain slashes. */
export function splitRevision(parts: readonly string[]): [revision: string, path: string[]] {
  const count = parts[0] === "refs" && parts.length > 2 ? 3 : 1;
  return [parts.slice(0, count).join("/"), parts.slice(count)];
}

/** Answers requests for files. */
export function readRoutes({ hub, request, parts: all, account }: Call): Response {
  const [type, ...parts] = all[0] === "datasets" ? ["datasets/", ...all.slice(1)] : ["", ...all];
  const [organisation, name, view = "", ...rest] = parts;
  if (!/^(?:resolve|raw)$/.test(view)) throw refusals.route();
  assertMethod(request, "GET", "HEAD");
  const repository = readAccess(hub, `${type}${organisation}/${name}`, account);
  const [revision, path] = splitRevision(rest);
  const commit = repository.resolve(revision);
  if (repository.isGated && !isMember(account, repository.id)) throw refusals.gated(repository.id);
  const file = commit.files.get(path.join("/"));
  if (file === undefined) throw refusals.entry(path.join("/"));
  const headers = new Headers({
    "x-repo-commit": commit.id,
    "content-type": /\.(?:md|txt|json)$/.test(path.at(-1)!) ? "text/plain; charset=utf-8" : BINARY,
  });
  if (file.lfs && view === "raw") {
    return new Response(lfsPointer(file.sha256, file.size) as Uint8Array<ArrayBuffer>, { headers });
  }
  if (!file.lfs) {
    headers.set("etag", `"${file.oid}"`);
    return sendBlob(request, hub.content(file), headers);
  }
  headers.set("x-linked-etag", `"${file.sha256}"`);
  headers.set("x-linked-size", `${file.size}`);
  headers.set("etag", `"${file.oid}"`);
  headers.set("accept-ranges", "bytes");
  headers.set("location", hub.largeFiles.downloadUrl(file.sha256));
  return new Response(null, { status: 302, headers });
}

const BINARY = "application/octet-stream";
