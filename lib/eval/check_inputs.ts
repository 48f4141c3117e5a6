/**
 * What a check is made from, by content: what tells one check from another.
 *
 * @module
 */

import { baseContentHash } from "../adapter/embedded.ts";
import { openAdapter } from "../adapter/open.ts";
import { sha256 } from "../checkpoint/hash.ts";
import { openModel } from "../checkpoint/open_model.ts";
import { assertLocal } from "../checkpoint/place.ts";
import { readBytes, statPath } from "../checkpoint/sources.ts";
import { dataFiles } from "./data_file.ts";
import type { SessionOptions } from "./session.ts";

/** Hashes of what goes into a check, 64 hexadecimal digits each. */
export interface CheckInputs {
  /** Content hash of the base's tensors, without an adapter that it may carry. */
  readonly base: string;
  /** Content hash of the adapter before. */
  readonly before: string;
  /** Content hash of the adapter after. */
  readonly after: string;
  /** SHA-256 of the data file's bytes; of all of them where the split has several. */
  readonly data: string;
  /** SHA-256 of the configs of base, tokenizer and adapters. */
  readonly settings: string;
}

/** Files beside a base's weights that decide what is computed. */
const BASE_SETTINGS = ["config.json", "tokenizer.json", "tokenizer_config.json"];

/**
 * Hashes the inputs of a check; reads every byte of them.
 *
 * @param options Where they are, and which head is run.
 * @returns The hashes.
 * @throws {TinygraftError} when one of them is missing or malformed.
 */
export async function hashInputs(
  options: Pick<SessionOptions, "base" | "head"> & {
    readonly before: string;
    readonly after: string;
    readonly data: string;
  },
): Promise<CheckInputs> {
  const encoder = new TextEncoder();
  const settings = sha256();
  using base = await openModel(options.base);
  for (const name of BASE_SETTINGS) {
    const path = `${base.checkpoint.folder}/${name}`;
    const bytes = statPath(path) === undefined ? new Uint8Array() : await readBytes(path);
    settings.update(encoder.encode(`${name}\0${bytes.byteLength}\0`));
    settings.update(bytes);
  }
  const adapters: string[] = [];
  for (const location of [options.before, options.after]) {
    assertLocal(location, "an adapter to run");
    const withoutClassifier = (options.head?.kind ?? "adapter") !== "adapter";
    using adapter = await openAdapter(location, { withoutClassifier });
    settings.update(encoder.encode(`${adapter.configText.length}\0${adapter.configText}`));
    adapters.push(await adapter.contentHash());
  }
  return {
    base: await baseContentHash(base.checkpoint, base.model),
    before: adapters[0]!,
    after: adapters[1]!,
    data: await hashData(options.data),
    settings: settings.hex(),
  };
}

/**
 * Hashes a data file's bytes, or those of all files of a split in their order.
 *
 * @param path The path, as `readDataFile` takes it.
 * @returns SHA-256, 64 hexadecimal digits.
 * @throws {TinygraftError} when it cannot be read.
 */
export async function hashData(path: string): Promise<string> {
  const hash = sha256();
  for (const file of dataFiles(path)) hash.update(await readBytes(file));
  return hash.hex();
}
