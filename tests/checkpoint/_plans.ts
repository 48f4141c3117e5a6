// Plans for tests of the executor.

import type { Checkpoint } from "../../lib/checkpoint/open.ts";
import type { Plan, PlannedFile, TensorStep } from "../../lib/checkpoint/plan.ts";

/** Copies every tensor of a checkpoint. */
export function copySteps(checkpoint: Checkpoint): TensorStep[] {
  return [...checkpoint.tensors].map(([name, from]) => ({
    kind: "copy",
    name,
    dtype: from.dtype,
    shape: from.shape,
    from,
  }));
}

/** One computed U8 tensor. */
export function dataStep(
  name: string,
  byteLength: number,
  data: () => Promise<Uint8Array>,
): TensorStep {
  return { kind: "data", name, dtype: "U8", shape: [byteLength], data, origin: "computed" };
}

/** A small file in memory. */
export function bytesFile(path: string, text: string): PlannedFile {
  return { kind: "bytes", path, bytes: new TextEncoder().encode(text), origin: "made" };
}

/** A safetensors file without metadata. */
export function tensorsFile(path: string, tensors: readonly TensorStep[]): PlannedFile {
  return { kind: "safetensors", path, tensors, metadata: new Map() };
}

/** A folder with a config.json and the given tensors. */
export function folderPlan(
  output: string,
  tensors: readonly TensorStep[],
  inputs: readonly string[] = [],
): Plan {
  const files = [bytesFile("config.json", "{}\n"), tensorsFile("model.safetensors", tensors)];
  return { output, kind: "folder", inputs, files };
}

/** One safetensors file with the given tensors. */
export function filePlan(
  output: string,
  tensors: readonly TensorStep[],
  inputs: readonly string[] = [],
): Plan {
  return { output, kind: "file", inputs, files: [tensorsFile("", tensors)] };
}
