// The encoder that the repository ships against PyTorch's values of it: run on each backend.

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { openCheckpoint, readFloats } from "../../lib/checkpoint/open.ts";
import type { DeviceName } from "../../lib/compute/open.ts";
import { openBackend } from "../../lib/compute/open.ts";
import { checkMerge } from "../../lib/eval/check.ts";
import { openSession } from "../../lib/eval/session.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openAdapter } from "../../lib/adapter/open.ts";
import { planMerge } from "../../lib/merge/merge_adapter.ts";
import { packBatches, type PackedBatch } from "../../lib/runtime/batch.ts";
import { createTokenizer } from "../../lib/text/tokenizer.ts";
import { assertClose } from "../_close.ts";
import { openEncoder } from "./_encoder.ts";

const MINI = fromFileUrl(new URL("../../fixtures/mini/", import.meta.url));
const BASE = `${MINI}encoder`;
const ADAPTER = `${MINI}adapter`;
const DEV = `${MINI}data/dev.tsv`;

interface Expected {
  readonly inputs: readonly {
    readonly text: string;
    readonly text_pair: string | null;
    readonly max_length: number;
    readonly input_ids: readonly number[];
    readonly token_type_ids: readonly number[];
  }[];
  /** Where the stored values stand: input, token, column. */
  readonly positions: readonly (readonly [number, number, number])[];
  readonly stages: readonly {
    readonly name: string;
    readonly values: readonly number[];
    readonly mean: number;
    readonly l2_norm: number;
  }[];
  readonly logits: Record<"with_adapter" | "without_adapter", readonly (readonly number[])[]>;
  readonly tolerance: { readonly atol: number; readonly rtol: number };
  readonly dev: Record<string, { readonly correct: number }> & { readonly examples: number };
}

async function readExpected(): Promise<Expected> {
  const expected = JSON.parse(await Deno.readTextFile(`${MINI}expected.json`));
  assertEquals(expected.format_version, 1, "fixtures/mini/expected.json is of another format");
  return expected;
}

async function readJson(path: string): Promise<Record<string, unknown>> {
  return JSON.parse(await Deno.readTextFile(path));
}

/** The inputs as our tokenizer reads them, held against PyTorch's side. */
async function encodeInputs(expected: Expected) {
  const tokenizer = createTokenizer(
    await readJson(`${BASE}/tokenizer.json`),
    await readJson(`${BASE}/tokenizer_config.json`),
    BASE,
  );
  return expected.inputs.map((input) => {
    const encoding = tokenizer.encode(input.text, input.text_pair ?? undefined, input.max_length);
    assertEquals([...encoding.ids], [...input.input_ids], input.text);
    assertEquals([...encoding.typeIds], [...input.token_type_ids], input.text);
    return encoding;
  });
}

/** Where input `i`'s token `t` stands in the packed batch. */
function rowOf(batch: PackedBatch, input: number, token: number): number {
  return batch.starts[batch.indices.indexOf(input)]! + token;
}

/** Compares every stage and the logits with and without adapter. */
export async function checkStages(device: DeviceName): Promise<void> {
  const expected = await readExpected();
  const { tolerance } = expected;
  const encodings = await encodeInputs(expected);
  const [batch] = packBatches(encodings, { maxTokens: 256, maxSequences: 64 });
  const backend = await openBackend(device);
  try {
    const encoder = await openEncoder(backend, BASE, [
      { location: ADAPTER },
      { location: ADAPTER, classifierOnly: true },
    ]);
    const stages = new Map(expected.stages.map((stage) => [stage.name, stage]));
    await encoder.record(batch!, async (name, value) => {
      const stage = stages.get(name);
      // The second variant repeats the names without the adapter: the first one is compared.
      if (stage === undefined) return;
      stages.delete(name);
      const [values] = await backend.read([value]);
      const sampled = expected.positions.map(([input, token, column]) =>
        values![rowOf(batch!, input, token) * value.cols + column]!
      );
      assertClose(sampled, stage.values, tolerance, name);
      const sum = values!.reduce((a, b) => a + b, 0);
      const norm = Math.hypot(...values!);
      assertClose([sum / values!.length, norm], [stage.mean, stage.l2_norm], tolerance, name);
    });
    assertEquals([...stages.keys()], [], "stages that were never seen");
    const [withAdapter, withoutAdapter] = await encoder.read();
    const inBatchOrder = (rows: readonly (readonly number[])[]) =>
      batch!.indices.flatMap((index) => rows[index]!);
    const { logits } = expected;
    assertClose(withAdapter!, inBatchOrder(logits.with_adapter), tolerance, "with adapter");
    assertClose(withoutAdapter!, inBatchOrder(logits.without_adapter), tolerance, "without");
  } finally {
    backend.destroy();
  }
}

/** Checks the adapter against our own average on the dev split: PyTorch's counts and logits. */
export async function checkDev(device: DeviceName, limit?: number): Promise<void> {
  const expected = await readExpected();
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  try {
    using adapter = await openAdapter(ADAPTER);
    const { plan } = await planMerge(adapter, `${folder}/average`, { method: "average" });
    await execute(plan);
    const result = await checkMerge({
      base: BASE,
      before: ADAPTER,
      after: plan.output,
      data: DEV,
      device,
      maxDrop: 1,
      limit,
    });
    const counts = (["before", "after"] as const).map((which) =>
      result.predictions.filter((row) => row[which].prediction === row.label).length
    );
    const { multi_head: before, average: after, examples } = expected.dev;
    if (limit === undefined) {
      assertEquals([...counts, result.examples], [before!.correct, after!.correct, examples]);
    }
    using logits = await openCheckpoint(`${MINI}expected_logits.safetensors`);
    for (const [which, name] of [["before", "multi_head"], ["after", "average"]] as const) {
      const actual = result.predictions.flatMap((row) => row[which].logits);
      const want = (await readFloats(logits.tensors.get(name)!)).subarray(0, actual.length);
      assertClose(actual, want, expected.tolerance, name);
    }
    assertEquals(result.predictions.length, limit ?? examples);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Opens what the repository ships and says how large it is. */
export async function describeMini(): Promise<{ parameters: number; heads: unknown }> {
  using base = await openModel(BASE);
  using session = await openSession({ base: BASE, adapters: [ADAPTER], device: "reference" });
  const shapes = [...base.checkpoint.tensors.values()].map(({ shape }) => shape);
  return {
    parameters: shapes.reduce((sum, shape) => sum + shape.reduce((a, b) => a * b, 1), 0),
    heads: session.adapters[0]!.config.numHeads,
  };
}
