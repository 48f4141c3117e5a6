// Pulling from the fake Hub in tests: a temporary folder, no waiting between tries.

import { join } from "@std/path";
import { pull, type PullOptions, type PullResult } from "../../lib/hub/pull.ts";
import { WRITE_TOKEN } from "../_fake_hub/accounts.ts";
import { FakeHub, type FakeHubOptions } from "../_fake_hub/hub.ts";
import { noise } from "../_noise.ts";

/** Bytes that stand for weights: they do not compress and no two seeds are alike. */
export function weights(byteLength: number, seed = 1): Uint8Array {
  return new Uint8Array(noise(Math.ceil(byteLength / 4), { seed }).buffer).slice(0, byteLength);
}

/** A model's files with weights of some length. */
export function modelFiles(byteLength = 200_000): Record<string, Uint8Array | string> {
  return {
    "config.json": '{"model_type":"bert"}\n',
    "tokenizer.json": "{}",
    "README.md": "# A model\n",
    "LICENSE": "",
    "model.safetensors": weights(byteLength),
    "pytorch_model.bin": weights(100, 2),
    "train.py": "print()",
    "onnx/model.onnx": "onnx",
  };
}

/** A fake Hub with a folder for what is pulled from it. */
export class PullSpace implements AsyncDisposable {
  /** How long it would have waited, in milliseconds. */
  readonly waits: number[] = [];

  private constructor(readonly hub: FakeHub, readonly folder: string) {}

  static async make(options: FakeHubOptions = {}): Promise<PullSpace> {
    const folder = await Deno.makeTempDir({ prefix: "tinygraft-pull-" });
    return new PullSpace(await FakeHub.start(options), folder);
  }

  at(name: string): string {
    return join(this.folder, name);
  }

  get cache(): string {
    return this.at("cache");
  }

  /** The token of most tests: that of a member. */
  get options(): PullOptions {
    return {
      endpoint: this.hub.url,
      token: WRITE_TOKEN,
      cache: this.cache,
      idleTimeout: 300,
      sleep: (milliseconds) => {
        this.waits.push(milliseconds);
        return Promise.resolve();
      },
    };
  }

  pull(location: string, options: Partial<PullOptions> = {}): Promise<PullResult> {
    return pull(location, { ...this.options, ...options });
  }

  /** What of the temporary folder is left beside the cache, without its path. */
  left(): string[] {
    return [...Deno.readDirSync(this.folder)].map(({ name }) => name).sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.hub[Symbol.asyncDispose]();
    await Deno.remove(this.folder, { recursive: true });
  }
}
