// Who may change a repository of the fake Hub.

import { type Account, isMember } from "./accounts.ts";
import { refusals, Refused } from "./answers.ts";
import type { Repository } from "./repository.ts";

/** Lets only members with a writing token pass. */
export function assertWritable(
  repository: Repository | { readonly id: string },
  account: Account | undefined,
): asserts account is Account {
  if (account === undefined) throw refusals.noToken();
  if (!isMember(account, repository.id)) {
    throw new Refused(403, `You don't have the rights to change ${repository.id}`);
  }
  if (account.role === "read") {
    throw new Refused(403, "Forbidden: this token has no permission to write");
  }
}
