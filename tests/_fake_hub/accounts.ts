// Who may do what on the fake Hub. Accounts are simulated.

import { refusals } from "./answers.ts";
import type { Repository } from "./repository.ts";

/** A user, as a token shows them. */
export interface Account {
  readonly name: string;
  /** Organisations whose repositories they may read and, with a writing token, change. */
  readonly organisations: readonly string[];
  /** What the token allows. */
  readonly role: "read" | "write";
}

/** The token of a user of the organisation `org` who may write. */
export const WRITE_TOKEN = "hf_test";
/** The token of the same user that only reads. */
export const READ_TOKEN = "hf_reader";
/** The token of a user of no organisation. */
export const STRANGER_TOKEN = "hf_stranger";

/** Every account by its token. */
const ACCOUNTS: ReadonlyMap<string, Account> = new Map([
  [WRITE_TOKEN, { name: "tester", organisations: ["org"], role: "write" }],
  [READ_TOKEN, { name: "tester", organisations: ["org"], role: "read" }],
  [STRANGER_TOKEN, { name: "stranger", organisations: [], role: "write" }],
]);

/** Whose request this is; `undefined` without a token, 401 for one that is not known. */
export function accountOf(request: Request): Account | undefined {
  const header = request.headers.get("authorization");
  if (header === null) return undefined;
  const account = ACCOUNTS.get(header.replace(/^Bearer /, ""));
  if (account === undefined) throw refusals.badToken();
  return account;
}

/** Whether an account belongs to the owner of a repository. */
export function isMember(account: Account | undefined, id: string): boolean {
  const [owner = ""] = id.replace(/^datasets\//, "").split("/");
  return account !== undefined && (account.name === owner || account.organisations.includes(owner));
}

/** Lets nobody see what is not there for them: a private repository looks like none. */
export function assertVisible(
  repository: Repository | undefined,
  account: Account | undefined,
): asserts repository is Repository {
  const visible = repository !== undefined &&
    (!repository.isPrivate || isMember(account, repository.id));
  if (visible) return;
  throw account === undefined ? refusals.noToken() : refusals.repository();
}

/** What `/api/whoami-v2` says. */
export function describeAccount(account: Account): unknown {
  return {
    type: "user",
    id: "0123456789abcdef01234567",
    name: account.name,
    fullname: account.name,
    email: `${account.name}@example.org`,
    emailVerified: true,
    isPro: false,
    canPay: false,
    avatarUrl: "/avatar.svg",
    orgs: account.organisations.map((name) => ({
      type: "org",
      name,
      fullname: name,
      id: "76543210fedcba9876543210",
      isEnterprise: false,
      roleInOrg: account.role,
    })),
    auth: {
      type: "access_token",
      accessToken: {
        displayName: "test",
        role: account.role,
        createdAt: "2026-01-01T00:00:00.000Z",
      },
    },
  };
}
