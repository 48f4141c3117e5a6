// The fake Hub's API: accounts, repositories, revisions, listings, branches, commits.

import { assertVisible, describeAccount, isMember } from "./accounts.ts";
import { readJson, refusals, Refused, textOf } from "./answers.ts";
import { validateCard } from "./card_rules.ts";
import { answerCopies } from "./copy_routes.ts";
import { answerCommit, answerPreupload } from "./commit_routes.ts";
import { assertMethod, type Call } from "./hub.ts";
import { describePaths, listTree } from "./listing.ts";
import { splitRevision } from "./read_routes.ts";
import type { Commit, Repository } from "./repository.ts";
import { assertWritable } from "./write_access.ts";

/** A call about one repository. */
export interface RepositoryCall extends Call {
  readonly repository: Repository;
}

/** Answers `/api/…`. */
export async function answerApi(call: Call): Promise<Response> {
  const { hub, request, parts, account } = call;
  const [first, organisation, name, ...rest] = parts;
  const route = parts.join("/");
  if (route === "whoami-v2") {
    if (account === undefined) throw refusals.noToken();
    return Response.json(describeAccount(account));
  }
  if (route === "repos/create") return await createRepository(call);
  if (route === "validate-yaml") {
    assertMethod(request, "POST");
    const answer = validateCard(textOf(await readJson(request), "content"));
    return Response.json(answer, { status: answer.errors.length > 0 ? 400 : 200 });
  }
  if (!/^(?:models|datasets)$/.test(first ?? "") || name === undefined) throw refusals.route();
  const type = first === "datasets" ? "datasets/" : "";
  const repository = hub.repositories.get(`${type}${organisation}/${name}`);
  assertVisible(repository, account);
  return await answerRepository({ ...call, parts: rest, repository });
}

async function answerRepository(call: RepositoryCall): Promise<Response> {
  const { request, parts, repository, url, account } = call;
  const [verb, ...rest] = parts;
  const [revision, path] = splitRevision(rest);
  switch (verb) {
    case undefined:
      return describeRepository(call, repository.resolve("main"));
    case "revision":
      return describeRepository(call, repository.resolve(revision));
    case "refs":
      return Response.json(describeRefs(repository));
    case "tree":
      assertMethod(request, "GET");
      assertReadable(call);
      return listTree(call, repository.resolve(revision), path.join("/"), url);
    case "paths-info":
      assertMethod(request, "POST");
      return await describePaths(call, repository.resolve(revision));
    case "lfs-files":
      assertReadable(call);
      return await answerCopies(call);
    case "branch":
      return await createBranch(call, rest.join("/"));
    case "preupload":
      assertWritable(repository, account);
      return await answerPreupload(request, repository.resolve(revision));
    case "commit":
      assertMethod(request, "POST");
      assertWritable(repository, account);
      return await answerCommit(call, revision);
    default:
      throw refusals.route();
  }
}

/** The terms of a gated repository hide its files, not that it is there. */
function assertReadable({ repository, account }: RepositoryCall): void {
  if (repository.isGated && !isMember(account, repository.id)) throw refusals.gated(repository.id);
}

async function createRepository({ hub, request, account }: Call): Promise<Response> {
  assertMethod(request, "POST");
  const json = await readJson(request);
  if (account === undefined) throw refusals.noToken();
  const id = `${json["organization"] ?? account.name}/${textOf(json, "name")}`;
  if (json["type"] !== undefined && json["type"] !== "model") {
    throw new Refused(400, "This server has models only");
  }
  assertWritable({ id }, account);
  const url = `${hub.url}/${id}`;
  if (hub.repositories.has(id)) {
    const error = "You already created this model repo";
    return Response.json({ error, url }, { status: 409, headers: { "x-error-message": error } });
  }
  await hub.create(id, json["private"] === true || json["visibility"] === "private");
  const files = (json["files"] ?? []) as { path: string; content: string }[];
  const contents = files.map(({ path, content }) => [path, Uint8Array.fromBase64(content)]);
  if (files.length > 0) await hub.commit(id, Object.fromEntries(contents));
  return Response.json({ url, name: id, id });
}

function describeRepository(call: RepositoryCall, commit: Commit): Response {
  const { repository, url } = call;
  const { id, isPrivate, isGated } = repository;
  const withBlobs = url.searchParams.get("blobs") === "true";
  const siblings = [...commit.files].map(([path, { oid, size, sha256, lfs }]) => ({
    rfilename: path,
    ...(withBlobs ? { blobId: oid, size } : {}),
    ...(withBlobs && lfs ? { lfs: { sha256, size, pointerSize: POINTER_BYTES } } : {}),
  }));
  const all: Record<string, unknown> = {
    modelId: id,
    private: isPrivate,
    gated: isGated ? "manual" : false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
    createdAt: "2026-01-01T00:00:00.000Z",
    lastModified: "2026-01-01T00:00:00.000Z",
    siblings,
  };
  const asked = url.searchParams.getAll("expand");
  const fields = asked.length === 0
    ? all
    : Object.fromEntries(Object.entries(all).filter(([key]) => asked.includes(key)));
  return Response.json({ _id: "0123456789abcdef01234567", id, sha: commit.id, ...fields });
}

/** Bytes of the text in a large file's place; its length differs by the digits of the size. */
const POINTER_BYTES = 134;

function describeRefs({ refs }: Repository): unknown {
  const all = [...refs].map(([name, targetCommit]) => ({
    name,
    ref: name.startsWith("refs/") ? name : `refs/heads/${name}`,
    targetCommit,
  }));
  const isPull = ({ name }: { name: string }) => name.startsWith("refs/pr/");
  return {
    branches: all.filter((each) => !isPull(each)),
    converts: [],
    tags: [],
    pullRequests: all.filter(isPull),
  };
}

async function createBranch(
  { request, repository, account }: RepositoryCall,
  branch: string,
): Promise<Response> {
  assertMethod(request, "POST");
  assertWritable(repository, account);
  const json = await readJson(request);
  if (repository.refs.has(branch)) throw new Refused(409, "Reference already exists");
  const start = repository.resolve((json["startingPoint"] ?? "main") as string);
  repository.refs.set(branch, start.id);
  return Response.json({ success: true }, { status: 201 });
}
