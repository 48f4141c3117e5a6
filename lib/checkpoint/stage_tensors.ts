/**
 * Writes one safetensors file of a plan and checks what the strict reader makes of it.
 *
 * @module
 */

import { SafetensorsError, TinygraftError } from "../errors.ts";
import type { Header, HeaderTensor } from "../safetensors/header.ts";
import { readHeader } from "../safetensors/reader.ts";
import { type FileLayout, layoutFile } from "../safetensors/writer.ts";
import type { ByteSource } from "../tensor/byte_source.ts";
import { quote } from "../tensor/quote.ts";
import type { Part } from "./digest.ts";
import type { PlannedFile, TensorStep } from "./plan.ts";
import type { Permissions } from "./save.ts";
import type { FileSource } from "./sources.ts";
import { type ContentWriter, type Stage, type StagedResult, verifyError } from "./stage.ts";

/**
 * Writes a safetensors file tensor by tensor and checks what the strict reader makes of it.
 *
 * @param file The file's plan.
 * @param path The file to create.
 * @param stage The plan's stage.
 * @param like The permissions that the file gets.
 * @returns Length and, where it was asked for, SHA-256 of the file.
 * @throws {TinygraftError} with `invalid-tensor-view` when computed data has another length than
 * planned, or `verify-failed`.
 */
export async function stageTensors(
  file: Extract<PlannedFile, { kind: "safetensors" }>,
  path: string,
  stage: Stage,
  like: Permissions | undefined,
): Promise<StagedResult> {
  const layout = layoutFile(file.tensors, file.metadata);
  const fill = async (writer: ContentWriter) => {
    await writer.append(layout.headerBytes);
    for (const run of runsOf(layout.tensors)) {
      if (run.kind === "copy") await writer.copy(run.source, run.begin, run.end);
      else await appendMade(run, writer, stage);
    }
  };
  const check = async (source: FileSource) => {
    checkHeader(await rereadHeader(source, stage), layout, file.metadata, stage);
  };
  const parts = layout.tensors.map(({ name, dataOffsets: [begin, end] }): Part => {
    return { tensor: name, byteLength: end - begin };
  });
  parts.unshift({ byteLength: layout.headerBytes.byteLength });
  return await stage.write(path, fill, { parts, like, check });
}

type PlacedStep = TensorStep & HeaderTensor;
type MadeStep = Exclude<PlacedStep, { kind: "copy" }>;

/** Tensors that lie one behind the other in one source: they are read and written in one go. */
interface CopyRun {
  readonly kind: "copy";
  readonly source: ByteSource;
  /** The range in bytes from the start of the source. */
  readonly begin: number;
  end: number;
}

function runsOf(steps: readonly PlacedStep[]): (CopyRun | MadeStep)[] {
  const runs: (CopyRun | MadeStep)[] = [];
  for (const step of steps) {
    if (step.kind !== "copy") {
      runs.push(step);
      continue;
    }
    const { file: { source, header }, dataOffsets } = step.from;
    const [begin, end] = dataOffsets.map((offset) => header.dataStart + offset) as [number, number];
    const last = runs.at(-1);
    if (last?.kind === "copy" && last.source === source && last.end === begin) last.end = end;
    else runs.push({ kind: "copy", source, begin, end });
  }
  return runs;
}

/** Appends a tensor that is computed, and makes sure of its length. */
async function appendMade(step: MadeStep, writer: ContentWriter, stage: Stage): Promise<void> {
  const byteLength = step.dataOffsets[1] - step.dataOffsets[0];
  const refuse = (made: string) => {
    throw new TinygraftError(
      `Cannot write "${stage.output}": tensor ${quote(step.name)} was made with ${made} bytes, ` +
        `expected ${byteLength} by its shape and dtype`,
      { code: "invalid-tensor-view", path: stage.output, tensor: step.name },
    );
  };
  if (step.kind === "data") {
    const bytes = await step.data();
    if (bytes.byteLength !== byteLength) refuse(`${bytes.byteLength}`);
    await writer.append(bytes);
    return;
  }
  let made = 0;
  for await (const bytes of step.chunks()) {
    made += bytes.byteLength;
    if (made > byteLength) refuse(`at least ${made}`);
    await writer.append(bytes);
  }
  if (made < byteLength) refuse(`${made}`);
}

async function rereadHeader(source: FileSource, stage: Stage): Promise<Header> {
  try {
    return await readHeader(source, { path: source.path });
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw verifyError(stage.output, error.message, { cause: error });
  }
}

function checkHeader(
  header: Header,
  layout: FileLayout<TensorStep>,
  metadata: ReadonlyMap<string, string>,
  stage: Stage,
): void {
  const same = header.tensors.size === layout.tensors.length &&
    header.dataStart === layout.headerBytes.byteLength &&
    header.metadata.size === metadata.size &&
    layout.tensors.every(({ name, dtype, shape, dataOffsets }) => {
      const found = header.tensors.get(name);
      return found?.dtype === dtype && found.shape.join() === shape.join() &&
        found.dataOffsets.join() === dataOffsets.join();
    }) &&
    [...metadata].every(([key, value]) => header.metadata.get(key) === value);
  if (!same) throw verifyError(stage.output, `"${stage.label}" came back with another header`);
}
