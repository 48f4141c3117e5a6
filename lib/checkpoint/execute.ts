/**
 * Carries out plans: streams every file to a place beside the output, verifies it, and moves all
 * into place at once.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { InterruptedError, TinygraftError } from "../errors.ts";
import { checkOutput, type OutputOptions, outputTarget } from "./output.ts";
import { describePlan, type Plan, type PlannedFile } from "./plan.ts";
import {
  hardLink,
  makeFolder,
  moveIntoPlace,
  removeStale,
  removeTree,
  stagingPath,
  syncFolder,
  writeError,
} from "./save.ts";
import { FileSource, type PathStatus, realPath, statPath } from "./sources.ts";
import { hashFile, Stage, type StagedResult, stageTensors } from "./stage.ts";

export { checkOutput } from "./output.ts";

/** One file that was written. */
export interface WrittenFile {
  /** Its path, relative to the output; "" when the output is one file. */
  readonly path: string;
  /** Its length in bytes. */
  readonly bytes: number;
  /** SHA-256 of its content, as read back: 64 hexadecimal digits. */
  readonly sha256: string;
  /** How it came to be: links fall back to copies where the file system allows none. */
  readonly how: "written" | "copied" | "linked";
}

/** How to carry out a plan. */
export interface ExecuteOptions extends OutputOptions {
  /** Stops the work; nothing of it is left. */
  readonly signal?: AbortSignal;
  /** Told how many bytes of how many are written, and of which file. */
  readonly onProgress?: (done: number, total: number, label: string) => void;
}

/**
 * Carries out a plan: afterwards the whole output is there, or nothing has changed.
 *
 * Every file is written beside the output, flushed, read back and compared (safetensors headers by
 * the strict reader); then one rename puts the output in its place. Inputs are only read, and must
 * not have changed meanwhile. Memory holds one chunk and one computed tensor.
 *
 * @example Write a folder with one file
 * ```ts
 * import { execute } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const output = `${await Deno.makeTempDir()}/out`;
 * const bytes = new TextEncoder().encode("{}");
 * const written = await execute({
 *   output,
 *   kind: "folder",
 *   inputs: [],
 *   files: [{ kind: "bytes", path: "config.json", bytes, origin: "made" }],
 * });
 * assertEquals(written.map(({ path, how }) => [path, how]), [["config.json", "written"]]);
 * assertEquals(await Deno.readTextFile(`${output}/config.json`), "{}");
 * ```
 *
 * @param plan The plan.
 * @param options Whether to replace, how to stop, whom to tell.
 * @returns The written files, in the plan's order.
 * @throws {InterruptedError} when the signal aborts.
 * @throws {TinygraftError} as `describePlan` and `checkOutput` do; `unwritable-output` when the
 * disk is full or refuses, `invalid-tensor-view` when computed data has another length than
 * planned, `changed-while-open` when an input changed, `verify-failed` when the disk returns other
 * bytes than were written.
 */
export async function execute(plan: Plan, options: ExecuteOptions = {}): Promise<WrittenFile[]> {
  const { bytes } = describePlan(plan);
  checkOutput(plan, options);
  throwIfAborted(options.signal);
  const inputs = new InputWatch(plan);
  const target = outputTarget(plan.output);
  const staged = stagingPath(target);
  try {
    removeStale(target);
    const stage = new Stage({ total: bytes, output: plan.output, ...options });
    const written = await stageAll(plan, staged, stage);
    inputs.assertUnchanged();
    throwIfAborted(options.signal);
    checkOutput(plan, options); // once more: the work may have taken hours
    moveIntoPlace(staged, target);
    await syncFolder(dirname(target));
    return written;
  } catch (error) {
    removeTree(staged);
    throwIfAborted(options.signal);
    throw writeError(plan.output, error);
  }
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError();
}

async function stageAll(plan: Plan, staged: string, stage: Stage): Promise<WrittenFile[]> {
  if (plan.kind === "folder") makeFolder(staged);
  const written: WrittenFile[] = [];
  const folders = new Set([staged]);
  for (const file of plan.files) {
    const path = file.path === "" ? staged : join(staged, ...file.path.split("/"));
    if (plan.kind === "folder") {
      makeFolder(dirname(path));
      folders.add(dirname(path));
    }
    stage.label = file.path === "" ? basename(plan.output) : file.path;
    written.push({ path: file.path, ...await stageFile(plan, file, path, stage) });
  }
  if (plan.kind === "folder") { for (const folder of folders) await syncFolder(folder); }
  return written;
}

async function stageFile(
  plan: Plan,
  file: PlannedFile,
  path: string,
  stage: Stage,
): Promise<StagedResult & Pick<WrittenFile, "how">> {
  switch (file.kind) {
    case "safetensors":
      return { ...await stageTensors(file, path, stage), how: "written" };
    case "bytes": {
      const result = await stage.write(path, (writer) => writer.append(file.bytes));
      return { ...result, how: "written" };
    }
    case "copy":
    case "link": {
      using source = new Closing(FileSource.open(file.from));
      assertPlannedLength(plan, file, source.value);
      if (file.kind === "link" && hardLink(realPath(file.from), path)) {
        return { ...await hashFile(source.value, stage), how: "linked" };
      }
      const result = await stage.write(
        path,
        (writer) => writer.copy(source.value, 0, file.byteLength),
      );
      return { ...result, how: "copied" };
    }
  }
}

function assertPlannedLength(
  plan: Plan,
  file: { from: string; byteLength: number },
  source: FileSource,
): void {
  if (source.byteLength === file.byteLength) return;
  throw new TinygraftError(
    `Cannot write "${plan.output}": the input "${file.from}" has ${source.byteLength} bytes, ` +
      `expected ${file.byteLength} as when the work was planned: run again`,
    { code: "changed-while-open", path: file.from },
  );
}

/** Closes a source at the end of its scope. */
class Closing implements Disposable {
  constructor(readonly value: FileSource) {}

  [Symbol.dispose](): void {
    this.value.close();
  }
}

/** Remembers length and age of every input. */
class InputWatch {
  readonly #sources = new Set<FileSource>();
  readonly #paths = new Map<string, PathStatus>();

  constructor(plan: Plan) {
    for (const source of plan.sources ?? []) this.#sources.add(source);
    for (const path of plan.inputs) this.#remember(path);
    for (const file of plan.files) {
      if (file.kind === "copy" || file.kind === "link") this.#remember(file.from);
      if (file.kind !== "safetensors") continue;
      for (const step of file.tensors) {
        if (step.kind !== "copy" || !(step.from.file.source instanceof FileSource)) continue;
        this.#sources.add(step.from.file.source);
      }
    }
  }

  #remember(path: string): void {
    const status = statPath(path);
    if (status?.kind === "file") this.#paths.set(path, status);
  }

  assertUnchanged(): void {
    for (const source of this.#sources) source.assertUnchanged();
    for (const [path, before] of this.#paths) {
      const now = statPath(path);
      if (now?.byteLength === before.byteLength && now.modified === before.modified) continue;
      throw new TinygraftError(
        `Cannot go on: the input "${path}" changed while it was being read, expected the same ` +
          "length and time as before: run again when nothing writes to it",
        { code: "changed-while-open", path },
      );
    }
  }
}
