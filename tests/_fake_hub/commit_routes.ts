// Uploads to the fake Hub: how each file is to come, and the commit that makes it so.

import { readJson, Refused } from "./answers.ts";
import type { RepositoryCall } from "./api_routes.ts";
import { validateCard } from "./card_rules.ts";
import { assertMethod } from "./hub.ts";
import type { Changes, Commit, TreeFile } from "./repository.ts";
import { gitSha1, lfsPointer } from "./storage.ts";
import { MOST_REGULAR_BYTES, uploadMode } from "./upload_modes.ts";

/** Answers `POST /api/models/{id}/preupload/{revision}`. */
export async function answerPreupload(request: Request, commit: Commit): Promise<Response> {
  assertMethod(request, "POST");
  const json = await readJson(request);
  const files = json["files"] as { path: string; size: number; sample: string }[];
  return Response.json({
    files: files.map(({ path, size }) => {
      const before = commit.files.get(path);
      return {
        path,
        uploadMode: uploadMode(path, size),
        shouldIgnore: path.startsWith("__pycache__/"),
        oid: (before?.lfs ? before.sha256 : before?.oid) ?? null,
      };
    }),
  });
}

/** One line of a commit. */
interface Line {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** Answers `POST /api/models/{id}/commit/{revision}`: all of it, or nothing. */
export async function answerCommit(call: RepositoryCall, revision: string): Promise<Response> {
  const { hub, request, repository, url } = call;
  const lines = parseLines(await request.text());
  const header = lines.find(({ key }) => key === "header")?.value;
  if (typeof header?.["summary"] !== "string") throw new Refused(400, "A summary is required");
  const base = repository.resolve(revision);
  const parent = header["parentCommit"] as string | undefined;
  if (parent !== undefined && !/^[0-9a-f]{40}$/.test(parent)) {
    throw new Refused(400, "Invalid parentCommit");
  }
  const changes = await changesOf(call, lines, base);
  const title = header["summary"];
  const hookOutput = "ok";
  if (url.searchParams.get("create_pr") === "1") {
    const start = parent === undefined ? base : repository.resolve(parent);
    const { number, commit } = repository.propose(start, title, changes);
    return Response.json({
      success: true,
      commitOid: commit.id,
      commitUrl: `${hub.url}/${repository.id}/commit/${commit.id}`,
      pullRequestUrl: `${hub.url}/${repository.id}/discussions/${number}`,
      hookOutput,
    });
  }
  if (repository.isCommit(revision)) throw new Refused(400, "A commit is no branch");
  const commit = repository.commit(revision, title, changes, parent);
  const commitUrl = `${hub.url}/${repository.id}/commit/${commit.id}`;
  return Response.json({ success: true, commitOid: commit.id, commitUrl, hookOutput });
}

function parseLines(text: string): Line[] {
  try {
    return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line) as Line);
  } catch {
    throw new Refused(400, "Invalid NDJSON");
  }
}

async function changesOf(
  call: RepositoryCall,
  lines: readonly Line[],
  base: Commit,
): Promise<Changes> {
  const changes = new Map<string, TreeFile | undefined>();
  for (const { key, value } of lines) {
    if (key === "header") continue;
    const path = value["path"];
    if (typeof path !== "string" || !isSafePath(path)) throw new Refused(400, "Invalid path");
    if (key === "file") changes.set(path, await smallFile(call, path, value));
    else if (key === "lfsFile") changes.set(path, largeFile(call, value));
    else if (key !== "deletedFile") throw new Refused(400, `Unknown operation "${key}"`);
    else if (!base.files.has(path)) throw new Refused(400, `There is no "${path}" to delete`);
    else changes.set(path, undefined);
  }
  return changes;
}

function isSafePath(path: string): boolean {
  return path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}

async function smallFile(
  { hub }: RepositoryCall,
  path: string,
  { content, encoding }: Line["value"],
): Promise<TreeFile> {
  if (encoding !== "base64" || typeof content !== "string") {
    throw new Refused(400, "Expected base64");
  }
  const bytes = Uint8Array.fromBase64(content);
  if (bytes.byteLength > MOST_REGULAR_BYTES) throw new Refused(413, "The file is too large");
  if (path === "README.md") {
    const [fault] = validateCard(new TextDecoder().decode(bytes)).errors;
    if (fault !== undefined) {
      throw new Refused(400, `Invalid metadata in README.md: ${fault.message}`);
    }
  }
  const { sha256 } = (await hub.storage.put(bytes))!;
  return { oid: gitSha1(bytes), size: bytes.byteLength, sha256, lfs: false };
}

/** A copy is named without its length. */
function largeFile(
  { hub, repository }: RepositoryCall,
  { oid, size, algo }: Line["value"],
): TreeFile {
  const blob = repository.objects.has(String(oid)) ? hub.storage.get(String(oid)) : undefined;
  if (algo !== "sha256" || blob === undefined || (size ?? blob.byteLength) !== blob.byteLength) {
    throw new Refused(400, `The large file ${oid} was never uploaded`);
  }
  const { sha256, byteLength } = blob;
  return {
    oid: gitSha1(lfsPointer(sha256, byteLength)),
    size: byteLength,
    sha256,
    lfs: true,
  };
}
