/**
 * A private folder for graphics drivers.
 *
 * @module
 */

let runtimeFolder: string | undefined;

/**
 * Variables that keep graphics drivers quiet: they want a private folder in XDG_RUNTIME_DIR, which
 * sessions without a desktop lack. Every backend stays available, so that real GPUs are found.
 *
 * @returns The variables to add; the folder goes when this process ends.
 */
export function runtimeFolderEnv(): Record<string, string> {
  if (Deno.build.os !== "linux" || Deno.env.has("XDG_RUNTIME_DIR")) return {};
  if (runtimeFolder === undefined) {
    const folder = Deno.makeTempDirSync({ prefix: "tinygraft-runtime-" });
    Deno.chmodSync(folder, 0o700);
    globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    runtimeFolder = folder;
  }
  return { XDG_RUNTIME_DIR: runtimeFolder };
}
