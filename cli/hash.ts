/**
 * `tinygraft hash`: of the tensors' content, and of the files.
 *
 * @module
 */

import { openWeights } from "../lib/adapter/weights.ts";
import { contentHash, fileHash } from "../lib/checkpoint/hash.ts";
import type { Command, Invocation } from "./command.ts";
import { printable } from "./format.ts";
import { placeOptions } from "./remote.ts";

/** The command. */
export const hash: Command = {
  name: "hash",
  group: "Look",
  summary: "print the hash of the tensors' content and of each file",
  description:
    "The content hash covers names, dtypes, shapes and data of all tensors, and is the " +
    "same for one\nfile and for shards, whatever the metadata. The files' are those of sha256sum.",
  positionals: [
    { name: "LOC", help: "a file, or a checkpoint or adapter folder, or hf:// or https://" },
  ],
  flags: [],
  examples: [
    { does: "a checkpoint", line: "tinygraft hash all-MiniLM-L6-v2" },
    { does: "the content alone", line: "tinygraft hash adapter --json | jq -r .content" },
  ],
  async run(invocation: Invocation) {
    const [location] = invocation.args as [string];
    const { io, progress } = invocation;
    using checkpoint = await openWeights(location, placeOptions(invocation, location));
    const entries = [...checkpoint.tensors].map(([name, entry]) => ({ name, entry }));
    // Every byte is read twice: tensors by name, files from front to back.
    const total = 2 * checkpoint.files.reduce((sum, { source }) => sum + source.byteLength, 0);
    let done = 0;
    const options = {
      signal: io.signal,
      onBytes: (bytes: number) => {
        done += bytes;
        progress.update(done, total, "Hashing", "bytes");
      },
    };
    const content = await contentHash(entries, options);
    const files: HashedFile[] = [];
    for (const { path, source } of checkpoint.files) {
      files.push({ path, sha256: await fileHash(source, options), bytes: source.byteLength });
    }
    progress.end();
    invocation.print({ content, files }, () => textOf(content, files));
    return 0;
  },
};

interface HashedFile {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Lines of files are as `sha256sum` prints them. */
function textOf(content: string, files: readonly HashedFile[]): string {
  const lines = files.map(({ path, sha256 }) => `${sha256}  ${printable(path)}`);
  return [`Content: ${content}`, ...lines].join("\n");
}
