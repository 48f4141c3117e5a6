// A temporary folder with a tiny base, an adapter for it and a data set.

import { join } from "@std/path";
import { type TinyAdapterOptions, writeTinyAdapter } from "./_tiny_model.ts";
import { type TinyBertOptions, writeTinyBert } from "./_tiny_model.ts";

/** Eight rows in the words of the tiny tokenizer. */
export const ROWS = [
  "the cat sat",
  "a dog ran fast!",
  "no",
  "it is a good day, is it not?",
  "bad",
  "what a film",
  "the end",
  "I like it - a lot",
];

/** Where everything lies. */
export interface Workspace extends AsyncDisposable {
  /** The folder that holds it all. */
  readonly folder: string;
  /** The base. */
  readonly base: string;
  /** Its adapter. */
  readonly adapter: string;
  /** Labelled rows: `sentence\tlabel`. */
  readonly data: string;
  /** A path inside the folder. */
  at(name: string): string;
}

/** Makes the folder; disposing it removes it. */
export async function makeWorkspace(
  bert: TinyBertOptions = {},
  adapter: TinyAdapterOptions = {},
): Promise<Workspace> {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  const at = (name: string) => join(folder, name);
  await writeTinyBert(at("base"), bert);
  await writeTinyAdapter(at("adapter"), adapter);
  const lines = ROWS.map((row, i) => `${row}\t${i % 3 === 0 ? "positive" : "negative"}`);
  await Deno.writeTextFile(at("data.tsv"), `sentence\tlabel\n${lines.join("\n")}\n`);
  return {
    folder,
    base: at("base"),
    adapter: at("adapter"),
    data: at("data.tsv"),
    at,
    [Symbol.asyncDispose]: () => Deno.remove(folder, { recursive: true }),
  };
}

/** Every file below a folder with a hash of its content, and every folder, in a fixed order. */
export async function snapshot(folder: string): Promise<string[]> {
  const found: string[] = [];
  for await (const entry of Deno.readDir(folder)) {
    const path = join(folder, entry.name);
    if (entry.isSymlink) {
      found.push(`${path} -> ${await Deno.readLink(path)}`);
    } else if (entry.isDirectory) {
      found.push(`${path}/`, ...await snapshot(path));
    } else {
      const digest = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
      found.push(`${path} ${new Uint8Array(digest).toHex()}`);
    }
  }
  return found.sort();
}
