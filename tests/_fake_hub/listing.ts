// Listings of the fake Hub: one folder or all of a tree, page by page.

import { readJson, refusals } from "./answers.ts";
import type { RepositoryCall } from "./api_routes.ts";
import type { Commit, Repository, TreeFile } from "./repository.ts";
import { lfsPointer, xetHashOf } from "./storage.ts";

const LAST_COMMIT_DATE = "2026-01-01T00:00:00.000Z";

/** Answers a page of `GET /api/models/{id}/tree/{revision}[/{folder}]`. */
export function listTree(
  { hub, repository }: RepositoryCall,
  commit: Commit,
  folder: string,
  url: URL,
): Response {
  const { searchParams } = url;
  const isTrue = (name: string) => /^(?:true|1)$/i.test(searchParams.get(name) ?? "");
  const prefix = folder === "" ? "" : `${folder}/`;
  const inside = [...commit.files].filter(([path]) => path.startsWith(prefix));
  if (folder !== "" && inside.length === 0) throw refusals.entry(folder);
  const entries = [
    ...foldersOf(inside.map(([path]) => path), prefix).map((path) => ({
      type: "directory",
      path,
      size: 0,
      oid: commit.id,
    })),
    ...inside.map(([path, file]) =>
      describe(path, file, repository, isTrue("expand") ? commit : undefined)
    ),
  ];
  const shown = isTrue("recursive")
    ? entries
    : entries.filter(({ path }) => !path.slice(prefix.length).includes("/"));
  const at = Number(searchParams.get("cursor") ?? 0);
  const end = at + Math.min(hub.pageSize, Number(searchParams.get("limit") ?? Infinity));
  const headers = new Headers();
  if (end < shown.length) {
    const next = new URL(url);
    next.searchParams.set("cursor", `${end}`);
    headers.set("link", `<${next.href}>; rel="next"`);
  }
  return Response.json(shown.slice(at, end), { headers });
}

/** Answers `POST /api/models/{id}/paths-info/{revision}`; paths that are not there are left out. */
export async function describePaths(
  { request, repository }: RepositoryCall,
  commit: Commit,
): Promise<Response> {
  // Python's client sends a form, JavaScript's JSON.
  const isJson = request.headers.get("content-type")?.startsWith("application/json");
  const form = isJson ? undefined : new URLSearchParams(await request.text());
  const json = isJson ? await readJson(request) : {};
  const paths = form?.getAll("paths") ?? (json["paths"] as string[] | undefined) ?? [];
  const expand = form === undefined ? json["expand"] === true : form.get("expand") === "True";
  const found = paths.flatMap((path) => {
    const file = commit.files.get(path);
    return file === undefined
      ? []
      : [describe(path, file, repository, expand ? commit : undefined)];
  });
  return Response.json(found);
}

function describe(
  path: string,
  file: TreeFile,
  { inXet }: Repository,
  lastChanged: Commit | undefined,
) {
  const { oid, size, sha256, lfs } = file;
  const pointerSize = lfsPointer(sha256, size).byteLength;
  return {
    type: "file",
    path,
    size,
    oid,
    ...(lfs ? { lfs: { oid: sha256, size, pointerSize } } : {}),
    ...(lfs && inXet ? { xetHash: xetHashOf(sha256) } : {}),
    ...(lastChanged === undefined ? {} : {
      lastCommit: { id: lastChanged.id, title: lastChanged.title, date: LAST_COMMIT_DATE },
    }),
  };
}

/** Every folder below a prefix that holds something. */
function foldersOf(paths: readonly string[], prefix: string): string[] {
  const folders = new Set<string>();
  for (const path of paths) {
    for (
      let at = path.indexOf("/", prefix.length);
      at >= 0;
      at = path.indexOf("/", at + 1)
    ) {
      folders.add(path.slice(0, at));
    }
  }
  return [...folders].sort();
}
