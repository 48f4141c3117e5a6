// deno-lint-ignore-file camelcase -- expected.json spells its keys in snake_case
// The little model of each architecture against PyTorch's values of it: run on each backend.

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openAdapter } from "../../lib/adapter/open.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import type { Backend } from "../../lib/compute/backend.ts";
import { packBatches, type PackedBatch } from "../../lib/runtime/batch.ts";
import { classifyRows } from "../../lib/runtime/classify.ts";
import { Encoder } from "../../lib/runtime/encoder.ts";
import { type AdapterWeights, loadAdapter, loadEncoder } from "../../lib/runtime/load.ts";
import { loadClassificationHead, loadMaskedLmHead } from "../../lib/runtime/load_head.ts";
import { assertClose } from "../_close.ts";

/** Where the folders of all architectures lie. */
export const FOLDER = fromFileUrl(new URL("../../fixtures/architectures/", import.meta.url));

/** The architectures, as their folders are called. */
export const NAMES = ["albert", "bert", "distilbert", "electra", "roberta", "xlm-roberta"] as const;

/** f32 sums through three layers: PyTorch's own are off by up to 2e-6 from f64. */
const TOLERANCE = { atol: 1e-4, rtol: 1e-4 };

interface Expected {
  readonly format_version: number;
  readonly lengths: readonly number[];
  readonly mask_tokens: readonly number[];
  readonly sampled_rows: readonly number[];
  readonly sampled_columns: readonly number[];
  /** Of each stage and sampled row: the sampled columns of the first, middle and last token. */
  readonly stages: Readonly<Record<string, readonly (readonly number[])[]>>;
  readonly classification: readonly (readonly number[])[];
  readonly masked: readonly (readonly number[])[];
  readonly adapter: readonly (readonly number[])[];
}

async function readExpected(name: string): Promise<Expected> {
  const expected = JSON.parse(await Deno.readTextFile(`${FOLDER}${name}/expected.json`));
  assertEquals(expected.format_version, 1, `${name}/expected.json is of another format`);
  return expected;
}

/** The rows that PyTorch ran: `token_ids` of fixtures/make/architectures.py. */
function makeEncodings({ lengths }: Expected, vocabSize: number) {
  return lengths.map((length, row) => ({
    ids: Uint32Array.from(
      { length },
      (_, t) => (7 * row * row + 13 * t + 3 * (t * t % 11) + 5) % vocabSize,
    ),
    typeIds: Uint32Array.from({ length }, (_, t) => 2 * t >= length ? 1 : 0),
    selected: 5 * row % length,
  }));
}

type Encodings = ReturnType<typeof makeEncodings>;

/** The same rows, read at their first token. */
function atFirstToken(encodings: Encodings) {
  return encodings.map(({ ids, typeIds }) => ({ ids, typeIds }));
}

/** Opens a base and what is compared: adapter and classifier, its own head, masked tokens. */
async function open(backend: Backend, folder: string, adapterFolder: string, expected: Expected) {
  using base = await openModel(folder);
  const { checkpoint, model } = base;
  const weights = await loadEncoder(checkpoint, model, backend);
  using adapter = await openAdapter(adapterFolder);
  const adapted = await loadAdapter(adapter, backend);
  const none = { modules: [], layerNormEps: 1e-5, placement: "after_attention" } as const;
  const tokens = expected.mask_tokens;
  const variants = {
    adapter: adapted,
    classification: { ...none, ...await loadClassificationHead(checkpoint, model, backend) },
    masked: { ...none, ...await loadMaskedLmHead(checkpoint, model, backend, tokens) },
  };
  const encoder = (...names: (keyof typeof variants)[]) =>
    new Encoder(backend, weights, names.map((name): AdapterWeights => variants[name]));
  return { config: model.config, encoder };
}

/** Compares the logits of every head, in one batch and row by row, and every stage. */
export async function checkArchitecture(name: string, backend: Backend): Promise<void> {
  const expected = await readExpected(name);
  const folder = `${FOLDER}${name}`;
  const { config, encoder } = await open(backend, folder, `${folder}/adapter`, expected);
  const encodings = makeEncodings(expected, config.vocabSize);
  const first = atFirstToken(encodings);
  const atFirst = encoder("adapter", "classification");
  const masked = encoder("masked");
  for (const maxSequences of [33, 1]) {
    const { variants } = await classifyRows(atFirst, first, { maxSequences });
    const [adapted, classified] = variants;
    const batches = `in batches of ${maxSequences}`;
    assertClose(adapted!.logits, expected.adapter.flat(), TOLERANCE, `adapter ${batches}`);
    const want = expected.classification.flat();
    assertClose(classified!.logits, want, TOLERANCE, `classification ${batches}`);
    const cloze = (await classifyRows(masked, encodings, { maxSequences })).variants[0]!;
    assertClose(cloze.logits, expected.masked.flat(), TOLERANCE, `masked ${batches}`);
  }
  await checkStages(backend, masked, expected, encodings);
}

/** Compares the stages of the sampled rows; the logits of an observed run are those of others. */
async function checkStages(
  backend: Backend,
  encoder: Encoder,
  expected: Expected,
  encodings: Encodings,
): Promise<void> {
  const { sampled_rows: rows, stages } = expected;
  const sampled = rows.map((row) => encodings[row]!);
  const [batch] = packBatches(sampled, { maxTokens: encoder.maxTokens, maxSequences: 33 });
  const seen: string[] = [];
  await encoder.record(batch!, async (stage, value) => {
    seen.push(stage);
    const [values] = await backend.read([value]);
    const found = sampleStage(values!, value.cols, batch!, expected);
    assertClose(found, stages[stage]!.flat(), TOLERANCE, stage);
  });
  assertEquals(seen.sort(), Object.keys(stages).sort());
  const want = batch!.indices.flatMap((index) => expected.masked[rows[index]!]!);
  assertClose((await encoder.read())[0]!, want, TOLERANCE, "masked, observed");
}

function sampleStage(
  values: Float32Array,
  cols: number,
  { starts, indices }: PackedBatch,
  { sampled_rows: rows, sampled_columns: columns }: Expected,
): number[] {
  return rows.flatMap((_, row) => {
    const at = indices.indexOf(row);
    const [begin, end] = [starts[at]!, starts[at + 1]!];
    const tokens = [begin, begin + Math.floor((end - begin) / 2), end - 1];
    return tokens.flatMap((token) => columns.map((column) => values[token * cols + column]!));
  });
}
