/**
 * Large files from one repository of the Hub to another, by the Hub itself.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { mask } from "../remote/failures.ts";
import type { HubListing } from "../remote/hub_listing.ts";
import { isOnHub, type LocalFile } from "./push_files.ts";
import type { Session } from "./push_session.ts";
import { RefusedError } from "./requests.ts";

/** Files that one request names at most, as Python's library has it. */
const FILES_AT_ONCE = 500;
/** How the Hub says that it does not do this, or not here; other refusals are worth an error. */
const DECLINED: ReadonlySet<number> = new Set([400, 403, 404, 405, 409, 422, 501]);

/** What the Hub is asked to copy: its own words. */
export interface AskedFile {
  /** How Xet knows the content. */
  readonly xetHash: string;
  /** SHA-256 of the content. */
  readonly sha256: string;
  /** Its path in the repository that has it. */
  readonly filename: string;
}

/** Large files of other repositories, by repository, each content once. */
export type Copies = ReadonlyMap<string, readonly AskedFile[]>;

/**
 * Finds what the Hub must copy before a commit may name it: large files of other repositories that the
 * branch does not have under any name. Nothing is asked of the Hub.
 *
 * @param session The push.
 * @param files The files of the commit that the Hub has somewhere.
 * @param listed What the branch has.
 * @returns What to copy.
 * @throws {TinygraftError} with `not-copied` for a file that is not in Xet storage.
 */
export function planCopies(
  session: Session,
  files: readonly LocalFile[],
  listed: HubListing["files"] = new Map(),
): Copies {
  const known = new Set([...listed.values()].map(({ sha256 }) => sha256));
  const copies = new Map<string, AskedFile[]>();
  for (const { sha256, content } of files) {
    const isThere = !isOnHub(content) || content.repository === session.address.id;
    if (isThere || known.has(sha256)) continue;
    known.add(sha256);
    const { repository, xetHash, path: filename } = content;
    if (xetHash === undefined) throw declined(session, filename, "it is not kept in Xet storage");
    const asked = copies.get(repository) ?? [];
    asked.push({ xetHash, sha256, filename });
    copies.set(repository, asked);
  }
  return copies;
}

/**
 * Lets the repository that is pushed to have large files of other repositories; none of their bytes
 * pass through this machine.
 *
 * @param session The push.
 * @param copies What to copy.
 * @throws {TinygraftError} with `not-copied` where the Hub declines: it copies within one storage
 * region, for users who may read the one and write the other repository; else as `push` does.
 */
export async function copyOnHub(session: Session, copies: Copies): Promise<void> {
  for (const [repository, files] of copies) {
    for (let at = 0; at < files.length; at += FILES_AT_ONCE) {
      await askForCopies(session, repository, files.slice(at, at + FILES_AT_ONCE));
    }
  }
}

async function askForCopies(
  session: Session,
  repository: string,
  files: readonly AskedFile[],
): Promise<void> {
  const { hub, address } = session;
  const [first] = files;
  const response = await hub.fetch(
    `${hub.hubUrl}/api/models/${repository}/lfs-files/duplicate`,
    {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ target: { type: "model", name: address.id }, files }),
    },
  ).catch((error: unknown) => {
    if (!(error instanceof RefusedError) || !DECLINED.has(error.status)) throw error;
    const said = error.said === "" ? `status ${error.status}` : error.said;
    throw declined(session, first?.filename ?? "", `the Hub says "${said}"`);
  });
  const { failed } = await response.json() as { failed?: { sha256?: string; error?: string }[] };
  const [failure] = failed ?? [];
  if (failure === undefined) return;
  const file = files.find(({ sha256 }) => sha256 === failure.sha256) ?? first;
  const said = mask(String(failure.error ?? "nothing"), session.options.token);
  throw declined(session, file?.filename ?? "", `the Hub says "${said}"`);
}

function declined({ location }: Session, path: string, reason: string): TinygraftError {
  return new TinygraftError(
    `Cannot have "${path}" of another repository in "${location}": ${reason}, expected a copy that ` +
      "the Hub makes: pull the repository and push the files",
    { code: "not-copied", path: location },
  );
}
