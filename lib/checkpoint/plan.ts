/**
 * Plans: what a command will write, as data. `--dry-run` prints them, `execute` carries them out.
 *
 * @module
 */

import { formatShape } from "../tensor/shape.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { layoutFile, type TensorSpec } from "../safetensors/writer.ts";
import { TinygraftError } from "../errors.ts";
import type { TensorEntry } from "./open.ts";
import type { FileSource } from "./sources.ts";

/** How one output tensor comes to be. */
export type TensorStep =
  | (TensorSpec & {
    /** The bytes are copied as they are. */
    readonly kind: "copy";
    /** The tensor to copy, of the same dtype and byte length. */
    readonly from: TensorEntry;
  })
  | (TensorSpec & {
    /** The bytes are computed. */
    readonly kind: "data";
    /** Computes the bytes when their turn comes: little-endian, C order. */
    readonly data: () => Promise<Uint8Array>;
    /** Where they come from, for people: "initialised, seed 1". */
    readonly origin: string;
  })
  | (TensorSpec & {
    /** The bytes are computed piece by piece, so that no whole tensor is in memory. */
    readonly kind: "stream";
    /**
     * Computes the bytes when their turn comes: little-endian, C order, in chunks that are used up
     * before the next is asked for, so that one buffer may serve them all.
     */
    readonly chunks: () => AsyncIterable<Uint8Array>;
    /** Where they come from, for people: "model.safetensors, cast from F32". */
    readonly origin: string;
  });

/** How one output file comes to be; `path` is relative to the plan's output. */
export type PlannedFile =
  | {
    /** A safetensors file, written tensor by tensor. */
    readonly kind: "safetensors";
    readonly path: string;
    readonly tensors: readonly TensorStep[];
    readonly metadata: ReadonlyMap<string, string>;
  }
  | {
    /** A small file held in memory. */
    readonly kind: "bytes";
    readonly path: string;
    readonly bytes: Uint8Array;
    /** Where the bytes come from, for people. */
    readonly origin: string;
  }
  | {
    /** A file copied byte for byte. */
    readonly kind: "copy";
    readonly path: string;
    readonly from: string;
    /** The length of the file to copy, in bytes. */
    readonly byteLength: number;
    /** Its bytes, where they are not on this machine; stays open until the plan is executed. */
    readonly source?: ByteSource;
  }
  | {
    /** A hard link to an input, or a copy where the file system allows no link. */
    readonly kind: "link";
    readonly path: string;
    readonly from: string;
    /** The length of the file to link, in bytes. */
    readonly byteLength: number;
  };

/** Everything that a command will write. */
export interface Plan {
  /** The file or folder to be made. */
  readonly output: string;
  /** Whether `output` is one file or a folder. */
  readonly kind: "file" | "folder";
  /**
   * Every input path, files and folders: the output must be none of them, nor lie inside a folder
   * named here, and none may change before the output takes its place.
   */
  readonly inputs: readonly string[];
  /** Open inputs beyond those of the steps, checked for changes before the output takes its place. */
  readonly sources?: readonly FileSource[];
  /** The files, in the order they are written; for kind "file" exactly one, with path "". */
  readonly files: readonly PlannedFile[];
}

/** What is told about one tensor of a plan. */
export interface TensorDescription {
  /** The tensor's name in the output. */
  name: string;
  /** Its dtype. */
  dtype: string;
  /** Its shape, in elements. */
  shape: readonly number[];
  /** Its length in bytes. */
  bytes: number;
  /** Where it comes from. */
  from: string;
}

/** What is told about one file of a plan. */
export interface FileDescription {
  /** The path, relative to the output; "" when the output is one file. */
  path: string;
  /** Its length in bytes, header included. */
  bytes: number;
  /** Whether it is written, copied as a whole, or linked. */
  action: "write" | "copy" | "link";
  /** Where it comes from, for files that are not made of tensors. */
  from?: string;
  /** Its tensors in file order, for safetensors files. */
  tensors?: TensorDescription[];
}

/** A plan in words and numbers, ready for JSON. */
export interface PlanDescription {
  /** The file or folder to be made. */
  output: string;
  /** Bytes of all files together. */
  bytes: number;
  /** The files, in the order they are written. */
  files: FileDescription[];
}

/**
 * Describes a plan, exactly: every file, its bytes, each tensor and where it comes from.
 *
 * @param plan The plan.
 * @returns The description; `bytes` are those that the written files will have.
 * @throws {SafetensorsError} when a file of the plan could not be read back.
 * @throws {TinygraftError} with `unsafe-file-name` when a path would leave the output or
 * stands twice, `invalid-tensor-view` when a tensor to copy has another dtype or shape than
 * planned.
 *
 * @example A plan with one small file
 * ```ts
 * import { describePlan } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("{}");
 * const description = describePlan({
 *   output: "out",
 *   kind: "folder",
 *   inputs: [],
 *   files: [{ kind: "bytes", path: "config.json", bytes, origin: "made" }],
 * });
 * assertEquals(description.bytes, 2);
 * ```
 */
export function describePlan(plan: Plan): PlanDescription {
  checkPaths(plan);
  const files = plan.files.map((file) => describeFile(plan, file));
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return { output: plan.output, bytes, files };
}

function describeFile(plan: Plan, file: PlannedFile): FileDescription {
  const { path } = file;
  switch (file.kind) {
    case "bytes":
      return { path, bytes: file.bytes.byteLength, action: "write", from: file.origin };
    case "copy":
    case "link":
      return { path, bytes: file.byteLength, action: file.kind, from: file.from };
    case "safetensors": {
      for (const step of file.tensors) checkStep(plan, step);
      const layout = layoutFile(file.tensors, file.metadata);
      const tensors = layout.tensors.map((step) => ({
        name: step.name,
        dtype: step.dtype,
        shape: step.shape,
        bytes: step.dataOffsets[1] - step.dataOffsets[0],
        from: describeOrigin(step),
      }));
      return { path, bytes: layout.byteLength, action: "write", tensors };
    }
  }
}

function describeOrigin(step: TensorStep): string {
  if (step.kind !== "copy") return step.origin;
  const { name, file } = step.from;
  return name === step.name ? file.path : `${file.path}: ${name}`;
}

/** A copied tensor keeps dtype and shape: anything else would change its meaning unsaid. */
function checkStep(plan: Plan, step: TensorStep): void {
  if (step.kind !== "copy") return;
  const { dtype, shape } = step.from;
  if (dtype === step.dtype && formatShape(shape) === formatShape(step.shape)) return;
  throw new TinygraftError(
    `Cannot write "${plan.output}": tensor "${step.name}" is planned as ${step.dtype} ` +
      `${formatShape(step.shape)}, but the tensor to copy is ${dtype} ${formatShape(shape)}`,
    { code: "invalid-tensor-view", path: plan.output, tensor: step.name },
  );
}

function checkPaths(plan: Plan): void {
  const refuse = (found: string, expected: string) => {
    throw new TinygraftError(
      `Cannot write "${plan.output}": the plan has ${found}, expected ${expected}`,
      { code: "unsafe-file-name", path: plan.output },
    );
  };
  if (plan.kind === "file") {
    const paths = plan.files.map(({ path }) => `"${path}"`);
    if (paths.join() !== '""') refuse(`the file paths [${paths.join(", ")}]`, 'only ""');
    return;
  }
  const seen = new Set<string>();
  for (const { path } of plan.files) {
    if (!isInside(path)) refuse(`the file path "${path}"`, "paths inside the output");
    if (seen.has(path)) refuse(`the file path "${path}" twice`, "different paths");
    seen.add(path);
  }
}

/** Whether a relative path stays inside the folder that it is joined to. */
function isInside(path: string): boolean {
  return !path.includes("\\") && !path.includes("\0") &&
    path.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}
