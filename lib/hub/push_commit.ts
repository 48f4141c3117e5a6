/**
 * The commit of a push, made once even where its answer is lost.
 *
 * @module
 */

import type { CommitOutput } from "@huggingface/hub";
import { InterruptedError, TinygraftError } from "../errors.ts";
import { TransientError } from "../remote/failures.ts";
import { listHubFolder, resolveCommit } from "../remote/hub_listing.ts";
import { retry } from "../remote/retry.ts";
import { isOnHub, isSame, type LocalFile } from "./push_files.ts";
import type { Session } from "./push_session.ts";
import { addToCommits, RefusedError } from "./requests.ts";

/** A commit that the Hub has made. */
export interface Committed {
  /** Its id. */
  readonly commit: string;
  /** Its page. */
  readonly url: string;
  /** The pull request's page, where one was opened. */
  readonly pullRequest?: string | undefined;
}

/** What a commit changes. */
export interface Changes {
  /** The files to add or replace. */
  readonly files: readonly LocalFile[];
  /** Paths to remove, which are there. */
  readonly removed: readonly string[];
}

/**
 * Uploads files and commits them. After a lost answer it looks whether the branch has them before
 * it tries again, on the same parent.
 *
 * @param session The push.
 * @param changes What the commit changes.
 * @param parent The commit to build on.
 * @returns The commit.
 * @throws {TinygraftError} with `stale-parent` when somebody else was quicker, else as `push`.
 */
export function commitFiles(
  session: Session,
  changes: Changes,
  parent: string,
): Promise<Committed> {
  const { options, location } = session;
  let isRepeated = false;
  let isXet = options.xet ?? true;
  const attempt = async () => {
    const landed = isRepeated ? await findLanded(session, changes, parent) : undefined;
    if (landed !== undefined) return landed;
    isRepeated = true;
    try {
      return await commitOnce(session, changes, parent, isXet);
    } catch (error) {
      if (isXet && !(error instanceof TinygraftError)) {
        isXet = false; // nothing was committed, and Git's LFS takes the same files
        const reason = error instanceof Error ? error.name : "no error";
        throw new TransientError(
          `Cannot push to "${location}" by Xet (${reason}): Git's LFS is tried instead`,
          { code: "hub-unavailable", path: location },
          0,
        );
      }
      if (error instanceof TransientError && options.createPullRequest) {
        throw new TinygraftError(
          `Cannot tell whether the pull request to "${location}" was opened: the answer was lost: ` +
            "look at its page before pushing again",
          { code: "hub-unavailable", path: location, cause: error },
        );
      }
      if (!(error instanceof RefusedError) || error.status !== 412) throw error;
      throw new TinygraftError(
        `Cannot push to "${location}": somebody else changed the branch in the meantime, expected ` +
          `commit ${parent}: look at the change, then push again`,
        { code: "stale-parent", path: location },
      );
    }
  };
  return retry(attempt, options);
}

/** A commit of ours whose answer was lost: the branch has moved, and has all our files. */
async function findLanded(
  { client, address, hub }: Session,
  { files, removed }: Changes,
  parent: string,
): Promise<Committed | undefined> {
  const head = await resolveCommit(client, address);
  if (head === parent) return undefined;
  const listing = await listHubFolder(client, { ...address, revision: head });
  if (!files.every((file) => isSame(file, listing.files.get(file.path)))) return undefined;
  if (removed.some((path) => listing.files.has(path))) return undefined;
  return { commit: head, url: `${hub.hubUrl}/${address.id}/commit/${head}` };
}

async function commitOnce(
  { options, hub, address, location }: Session,
  { files, removed }: Changes,
  parent: string,
  isXet: boolean,
): Promise<Committed> {
  const { commitIter, HubApiError } = await import("@huggingface/hub");
  const { signal, createPullRequest = false } = options;
  const sent = files.flatMap(({ content, ...file }) =>
    isOnHub(content) ? [] : [{ ...file, content }]
  );
  const progress = new PushProgress(sent, options.onProgress);
  const events = commitIter({
    ...hub,
    fetch: addToCommits(hub.fetch, files.filter(({ content }) => isOnHub(content)).map(lineOf)),
    title: options.message ?? "Upload with tinygraft",
    branch: address.revision,
    parentCommit: parent,
    isPullRequest: createPullRequest,
    useXet: isXet,
    operations: [
      ...sent.map(({ path, content }) => ({ operation: "addOrUpdate" as const, path, content })),
      ...removed.map((path) => ({ operation: "delete" as const, path })),
    ],
    ...(signal === undefined ? {} : { abortSignal: signal }),
  });
  let output: CommitOutput | undefined;
  try {
    for (;;) {
      const { done, value } = await events.next();
      if (done) {
        output = value;
        break;
      }
      if (value.event === "fileProgress") progress.report(value.path, value.state, value.progress);
    }
  } catch (error) {
    if (signal?.aborted) throw new InterruptedError();
    if (isXet || !(error instanceof HubApiError)) throw error;
    throw storageError(error.statusCode, location);
  }
  if (output !== undefined && /^[0-9a-f]{40}$/.test(output.commit.oid)) {
    const { commit: { oid, url }, pullRequestUrl } = output;
    return { commit: oid, url, pullRequest: pullRequestUrl };
  }
  throw new TinygraftError(
    `Cannot push to "${location}": the Hub answered without a commit: look at its page`,
    { code: "unexpected-answer", path: location },
  );
}

/** How a commit names a large file that the repository has already. */
function lineOf({ path, sha256, byteLength }: LocalFile) {
  return { key: "lfsFile", value: { path, algo: "sha256", size: byteLength, oid: sha256 } };
}

/** An object that storage does not take; the client's own text holds whole addresses. */
function storageError(statusCode: number, location: string): TinygraftError {
  return new TinygraftError(
    `Cannot push to "${location}": storage refuses a large file with ${statusCode}: try again later`,
    { code: "unexpected-answer", path: location },
  );
}

/** Sums up how far each file has come; hashing and uploading count half each. */
class PushProgress {
  readonly #lengths: ReadonlyMap<string, number>;
  readonly #shares = new Map<string, number>();
  readonly #total: number;
  readonly #tell: NonNullable<Session["options"]["onProgress"]>;

  constructor(
    files: readonly Omit<LocalFile, "content">[],
    tell: Session["options"]["onProgress"],
  ) {
    this.#lengths = new Map(files.map(({ path, byteLength }) => [path, byteLength]));
    this.#total = files.reduce((sum, { byteLength }) => sum + byteLength, 0);
    this.#tell = tell ?? (() => {});
  }

  report(path: string, state: string, progress: number): void {
    this.#shares.set(path, state === "hashing" ? progress / 2 : (1 + progress) / 2);
    let done = 0;
    for (const [each, share] of this.#shares) done += share * (this.#lengths.get(each) ?? 0);
    this.#tell(done, this.#total, "Pushing");
  }
}
