// A repository of the fake Hub: commits with whole trees, branches, pull requests.

import { createHash } from "node:crypto";
import { refusals, Refused } from "./answers.ts";

/** A file at a commit. */
export interface TreeFile {
  /** SHA-1 as Git makes it: of the content, or of the pointer for a large file. */
  readonly oid: string;
  /** Bytes of the content. */
  readonly size: number;
  /** SHA-256 of the content, by which storage knows it. */
  readonly sha256: string;
  /** Whether Git holds a pointer in its place. */
  readonly lfs: boolean;
}

/** One state of a repository. */
export interface Commit {
  /** 40 hexadecimal digits. */
  readonly id: string;
  readonly parent: string | undefined;
  readonly title: string;
  readonly files: ReadonlyMap<string, TreeFile>;
}

/** What a commit changes; `undefined` deletes. */
export type Changes = ReadonlyMap<string, TreeFile | undefined>;

/** A repository of a model. */
export class Repository {
  /** Every commit, by its id. */
  readonly commits = new Map<string, Commit>();
  /** Head of each branch and of each `refs/pr/N`. */
  readonly refs = new Map<string, string>();
  /** Whether only members see it. */
  isPrivate: boolean;
  /** Whether its terms must be accepted, which nobody has. */
  isGated = false;
  /** Whether its large files are kept in Xet, as are those of all repositories made since 2025. */
  inXet = true;
  /** Where its large files are kept. */
  region = "us";
  /** SHA-256 of the large files that it may name in a commit: those that were uploaded to it. */
  readonly objects = new Set<string>();
  #pullRequests = 0;

  constructor(readonly id: string, isPrivate: boolean) {
    this.isPrivate = isPrivate;
  }

  /** The commit that a branch, `HEAD` or a commit's id means; 404 for anything else. */
  resolve(revision: string): Commit {
    const name = revision === "HEAD" ? "main" : revision;
    const commit = this.commits.get(this.refs.get(name) ?? name);
    if (commit === undefined) throw refusals.revision(revision);
    return commit;
  }

  /** Whether a name is a commit's id rather than a branch. */
  isCommit(revision: string): boolean {
    return !this.refs.has(revision) && this.commits.has(revision);
  }

  /** Puts a commit on a branch, or makes the branch; 412 when another came in between. */
  commit(ref: string, title: string, changes: Changes, parentCommit?: string): Commit {
    const head = this.refs.get(ref);
    if (parentCommit !== undefined && parentCommit !== head) {
      throw new Refused(412, "A commit has happened since. Please refresh and try again.");
    }
    return this.#add(ref, title, changes, head);
  }

  /** Opens a pull request: its commit is on `refs/pr/N` only. */
  propose(base: Commit, title: string, changes: Changes): { number: number; commit: Commit } {
    const number = ++this.#pullRequests;
    return { number, commit: this.#add(`refs/pr/${number}`, title, changes, base.id) };
  }

  #add(ref: string, title: string, changes: Changes, parent: string | undefined): Commit {
    const files = new Map(parent === undefined ? [] : this.commits.get(parent)!.files);
    for (const [path, file] of changes) {
      if (file === undefined) files.delete(path);
      else files.set(path, file);
    }
    const identity = JSON.stringify([this.id, this.commits.size, parent, title]);
    const id = createHash("sha1").update(identity).digest("hex");
    const commit = { id, parent, title, files };
    this.commits.set(id, commit);
    this.refs.set(ref, id);
    return commit;
  }
}
