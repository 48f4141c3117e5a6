// Commands with a fake Hub in reach.

import { WRITE_TOKEN } from "../_fake_hub/accounts.ts";
import { FakeHub } from "../_fake_hub/hub.ts";
import { runCaptured, runJson } from "../_io.ts";
import type { TinyBertOptions } from "../_tiny_model.ts";
import { makeWorkspace, type Workspace } from "../_workspace.ts";

/** A fake Hub, a base and an adapter on this machine, and the variables that lead to the Hub. */
export class Published implements AsyncDisposable {
  private constructor(readonly hub: FakeHub, readonly space: Workspace) {}

  static async make(bert: TinyBertOptions = {}): Promise<Published> {
    return new Published(await FakeHub.start(), await makeWorkspace(bert));
  }

  get env(): Record<string, string> {
    return { HF_ENDPOINT: this.hub.url, HF_HOME: this.space.at("hf"), HF_TOKEN: WRITE_TOKEN };
  }

  /** Runs with the Hub in reach. */
  run(...argv: string[]) {
    return runCaptured(argv, { env: this.env });
  }

  json(...argv: string[]) {
    return runJson(argv, { env: this.env });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await this.space[Symbol.asyncDispose]();
  }
}
