/**
 * Carries out plans: streams every file to a place beside the output, verifies it, and moves all
 * into place at once.
 *
 * @module
 */

import { basename, dirname, join } from "@std/path";
import { InterruptedError, TinygraftError } from "../errors.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { checkOutput, outputExists, type OutputOptions, outputTarget } from "./output.ts";
import { describePlan, type Plan, type PlannedFile } from "./plan.ts";
import { clearLeftovers, removeTree, stagingPath } from "./leftovers.ts";
import {
  cloneFile,
  hardLink,
  makeFolder,
  moveIntoPlace,
  type Permissions,
  permissionsOf,
  setPermissions,
  syncPath,
  writeError,
} from "./save.ts";
import { FileSource, type PathStatus, realPath, statPath } from "./sources.ts";
import { Stage, type StagedResult } from "./stage.ts";
import { stageTensors } from "./stage_tensors.ts";

export { checkOutput } from "./output.ts";

/** One file that was written. */
export interface WrittenFile {
  /** Its path, relative to the output; "" when the output is one file. */
  readonly path: string;
  /** Its length in bytes. */
  readonly bytes: number;
  /**
   * SHA-256 of its content as read back, 64 hexadecimal digits: only on `verify`, and only of files
   * whose bytes were written.
   */
  readonly sha256?: string;
  /**
   * How it came to be. What is to be linked is a second name of the same file (`linked`); where
   * that is impossible a new file that shares the old one's blocks (`reflinked`); where that is
   * impossible too, a copy.
   */
  readonly how: "written" | "copied" | "linked" | "reflinked";
}

/** How to carry out a plan. */
export interface ExecuteOptions extends OutputOptions {
  /**
   * Whether to take SHA-256 hashes while writing and compare them with what is read back. Without
   * it the comparison is by CRC-32, which finds what a disk or a driver garbles by accident; a hash
   * costs several times as long as the copying.
   */
  readonly verify?: boolean;
  /** Stops the work; nothing of it is left. */
  readonly signal?: AbortSignal;
  /** Told how many bytes of how many are written, and of which file. */
  readonly onProgress?: (done: number, total: number, label: string) => void;
}

/**
 * Carries out a plan: afterwards the whole output is there, or nothing has changed.
 *
 * Every file is written beside the output, flushed, read back and compared (safetensors headers by
 * the strict reader, every tensor by its checksum); then one rename puts the output in its place,
 * with the permissions of what it replaces. Inputs are only read, and must not have changed
 * meanwhile. Memory holds two buffers of 2 MiB and one computed tensor. A symlink at the
 * output is followed. What earlier runs left that were killed is cleared away first.
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
  throwIfAborted(options.signal);
  const target = outputTarget(plan.output);
  clearLeftovers(target); // may put an old output back, which the next line then finds
  checkOutput(plan, options);
  const inputs = new InputWatch(plan);
  const staged = stagingPath(target);
  try {
    const stage = new Stage({ total: bytes, output: plan.output, ...options });
    const written = await stageAll(plan, { staged, target }, stage);
    inputs.assertUnchanged();
    throwIfAborted(options.signal);
    checkOutput(plan, options); // once more: the work may have taken hours
    if (!moveIntoPlace(staged, target, options.force ?? false)) throw outputExists(plan.output);
    await syncPath(dirname(target));
    return written;
  } catch (error) {
    removeTree(staged);
    throwIfAborted(options.signal);
    throw lostError(plan, staged, error) ?? writeError(plan.output, error);
  }
}

/** When what was written cannot be read back, the output is at fault and no input. */
function lostError(plan: Plan, staged: string, error: unknown): TinygraftError | undefined {
  if (!(error instanceof TinygraftError) || !error.path?.startsWith(staged)) return undefined;
  return new TinygraftError(
    `Cannot write "${plan.output}": what was written so far is gone or cannot be read back: ` +
      "run again when nothing else changes the folder",
    { code: "unwritable-output", path: plan.output, cause: error },
  );
}

function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new InterruptedError();
}

/** Where an output is built, and what it will replace. */
interface Places {
  readonly staged: string;
  readonly target: string;
}

async function stageAll(plan: Plan, places: Places, stage: Stage): Promise<WrittenFile[]> {
  const { staged, target } = places;
  const replaced = permissionsOf(target);
  if (plan.kind === "folder") makeFolder(staged, replaced);
  const written: WrittenFile[] = [];
  const folders = new Set([staged]);
  for (const file of plan.files) {
    const at = (root: string) => file.path === "" ? root : join(root, ...file.path.split("/"));
    const place = { staged: at(staged), target: at(target) };
    if (plan.kind === "folder") {
      makeFolder(dirname(place.staged));
      folders.add(dirname(place.staged));
    }
    stage.label = file.path === "" ? basename(plan.output) : file.path;
    written.push({ path: file.path, ...await stageFile(plan, file, place, stage) });
  }
  if (plan.kind === "folder") {
    if (replaced !== undefined) setPermissions(staged, replaced);
    for (const folder of folders) await syncPath(folder);
  }
  return written;
}

async function stageFile(
  plan: Plan,
  file: PlannedFile,
  { staged, target }: Places,
  stage: Stage,
): Promise<StagedResult & Pick<WrittenFile, "how">> {
  const like = permissionsOf(target);
  switch (file.kind) {
    case "safetensors":
      return { ...await stageTensors(file, staged, stage, like), how: "written" };
    case "bytes": {
      const parts = [{ byteLength: file.bytes.byteLength }];
      const result = await stage.write(
        staged,
        (writer) => writer.append(file.bytes),
        { parts, like },
      );
      return { ...result, how: "written" };
    }
    case "copy":
    case "link": {
      const far = file.kind === "copy" ? file.source : undefined;
      using source = far ? new Borrowed(far) : new Closing(FileSource.open(file.from));
      assertPlannedLength(plan, file, source.value);
      const how = file.kind === "link"
        ? await linkFile(realPath(file.from), staged, like)
        : undefined;
      if (how !== undefined) {
        stage.skip(file.byteLength);
        return { bytes: file.byteLength, how };
      }
      const { byteLength } = file;
      const result = await stage.write(
        staged,
        (writer) => writer.copy(source.value, 0, byteLength),
        { parts: [{ byteLength }], like },
      );
      return { ...result, how: "copied" };
    }
  }
}

/** Makes a file without writing its bytes; undefined where the file system cannot. */
async function linkFile(
  from: string,
  to: string,
  like: Permissions | undefined,
): Promise<"linked" | "reflinked" | undefined> {
  if (hardLink(from, to)) return "linked";
  return await cloneFile(from, to, like) ? "reflinked" : undefined;
}

function assertPlannedLength(
  plan: Plan,
  file: { from: string; byteLength: number },
  source: ByteSource,
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

/** Leaves a source open, which belongs to someone else. */
class Borrowed implements Disposable {
  constructor(readonly value: ByteSource) {}

  [Symbol.dispose](): void {}
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
