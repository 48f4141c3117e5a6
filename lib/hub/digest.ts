/**
 * The two checksums of the Hub, taken together while bytes pass.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto"; // streams, which crypto.subtle cannot
import type { HubFile } from "../remote/hub_listing.ts";

/** What content must be. */
export type Expected = Pick<HubFile, "byteLength" | "gitSha1" | "sha256">;

/** Checksums of a file under way: SHA-256, and for small files Git's SHA-1. */
export class FileDigest {
  readonly #sha256 = createHash("sha256");
  readonly #sha1: Hash | undefined;

  /**
   * Starts them.
   *
   * @param expected What the content must be; its length begins Git's checksum.
   */
  constructor(readonly expected: Expected) {
    if (expected.sha256 !== undefined) return;
    this.#sha1 = createHash("sha1").update(`blob ${expected.byteLength}\0`);
  }

  /**
   * Adds bytes.
   *
   * @param bytes The next bytes of the content.
   */
  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#sha1?.update(bytes);
  }

  /**
   * Ends the checksums.
   *
   * @returns The SHA-256, and whether the checksum that is known is right; where none is known, as
   * of files that another tool copied into the cache, any content will do.
   */
  finish(): { readonly sha256: string; readonly isRight: boolean } {
    const sha256 = this.#sha256.digest("hex");
    const { expected } = this;
    const found = this.#sha1 === undefined ? sha256 : this.#sha1.digest("hex");
    const known = blobName(expected);
    return { sha256, isRight: known === undefined || found === known };
  }
}

/**
 * The name under which the Hub's tools keep content: SHA-256 of large files, Git's SHA-1 of others.
 *
 * @param file The file as listed.
 * @returns The name; `undefined` where the listing has no checksum.
 */
export function blobName({ sha256, gitSha1 }: Expected): string | undefined {
  return sha256 ?? gitSha1;
}
