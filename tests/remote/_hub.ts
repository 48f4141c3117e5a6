// As much of the Hub as reading a checkpoint takes: revisions, listings and files with redirects
// to storage on another origin. Accounts and storage are simulated.

import { type FaultServer, redirect } from "./_server.ts";

/** A commit that the server knows. */
export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

/** Entries of one page of a listing, few so that tests see several. */
const PAGE = 3;

/** A repository to serve. */
export interface HubRepository {
  readonly id: string;
  /** Content by path in the repository. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** Branch or tag, "main" unless given. */
  readonly revision?: string;
}

/** Serves a repository; weights are redirected to the storage, which never may see a token. */
export function serveRepository(hub: FaultServer, storage: FaultServer, repo: HubRepository): void {
  const { id, files, revision = "main" } = repo;
  const api = `/api/models/${id}`;
  const encoded = encodeURIComponent(revision);
  hub.serve(`${api}/revision/${encoded}`, JSON.stringify({ id, sha: COMMIT }));
  const folders = new Set(Object.keys(files).map((path) => path.split("/").slice(0, -1).join("/")));
  for (const folder of new Set(["", ...folders])) {
    serveListing(hub, `${api}/tree/${COMMIT}${folder && `/${folder}`}`, folder, files);
  }
  for (const [path, content] of Object.entries(files)) {
    const resolve = `/${id}/resolve/${COMMIT}/${path}`;
    if (!path.endsWith(".safetensors")) {
      hub.serve(resolve, content);
      continue;
    }
    storage.serve(`/blobs/${path}`, content);
    const encoded = path.split("/").map(encodeURIComponent).join("/");
    hub.failAlways(resolve, redirect(`${storage.url}/blobs/${encoded}?X-Signature=secret`));
  }
}

function serveListing(
  hub: FaultServer,
  url: string,
  folder: string,
  files: HubRepository["files"],
): void {
  const inFolder = Object.keys(files).filter((path) => path.startsWith(folder && `${folder}/`));
  const entries: unknown[] = inFolder.map((path) => ({
    type: "file",
    path,
    size: files[path]!.byteLength,
    oid: "0".repeat(40),
  }));
  entries.push({ type: "directory", path: "onnx", size: 0, oid: "0".repeat(40) });
  hub.failAlways(url, (request) => {
    const at = Number(new URL(request.url).searchParams.get("cursor") ?? 0);
    const more = at + PAGE < entries.length;
    const next = `<${hub.url}${url}?cursor=${at + PAGE}>; rel="next"`;
    return Response.json(entries.slice(at, at + PAGE), { headers: more ? { link: next } : {} });
  });
}
