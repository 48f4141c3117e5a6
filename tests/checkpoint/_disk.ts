// Folders for tests, and what is in them.

import { serialize } from "../../lib/safetensors/writer.ts";

/** A temporary folder that is removed at the end of its scope. */
export class TempFolder implements Disposable {
  /** Its path, without symlinks. */
  readonly path = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "tinygraft-test-" }));

  /** The path of a name in it. */
  join(...names: string[]): string {
    return [this.path, ...names].join("/");
  }

  /** Writes a file and returns its path. */
  write(name: string, content: string | Uint8Array): string {
    const path = this.join(name);
    Deno.mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    if (typeof content === "string") Deno.writeTextFileSync(path, content);
    else Deno.writeFileSync(path, content);
    return path;
  }

  /** Every file below it: path to content in hexadecimal, folders as "folder". */
  snapshot(): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (folder: string) => {
      for (const { name, isDirectory } of Deno.readDirSync(this.join(folder))) {
        const path = `${folder}${name}`;
        if (isDirectory) {
          found[path] = "folder";
          walk(`${path}/`);
        } else {
          found[path] = Deno.readFileSync(this.join(path)).toHex();
        }
      }
    };
    walk("");
    return Object.fromEntries(Object.entries(found).sort(([a], [b]) => a < b ? -1 : 1));
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** A small safetensors file of U8 tensors. */
export function tensorFile(
  tensors: Record<string, readonly number[]>,
  metadata?: Record<string, string>,
): Uint8Array<ArrayBuffer> {
  const specs = Object.entries(tensors).map(([name, values]) => ({
    name,
    dtype: "U8" as const,
    shape: [values.length],
    data: Uint8Array.from(values),
  }));
  return serialize(specs, new Map(Object.entries(metadata ?? {})));
}

/** The text of a shard index. */
export function indexText(
  weightMap: Record<string, string>,
  metadata: Record<string, unknown> = { total_parameters: 1, total_size: 1 },
): string {
  return JSON.stringify({ metadata, weight_map: weightMap });
}
