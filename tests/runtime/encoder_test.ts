import { assert, assertEquals, assertRejects } from "@std/assert";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { packBatches } from "../../lib/runtime/batch.ts";
import { classifyRows } from "../../lib/runtime/classify.ts";
import { runCaptured } from "../_io.ts";
import { makeWorkspace } from "../_workspace.ts";
import { openEncoder, randomEncodings } from "./_encoder.ts";

const LENGTHS = [5, 1, 17, 3, 64, 2, 8];

Deno.test("Encoder gives the base's logits bit for bit under a fresh adapter", async () => {
  await using space = await makeWorkspace();
  const fresh = space.at("fresh");
  await runCaptured(["init", space.base, fresh, "--num-labels", "3", "--seed", "4"]);
  const backend = new ReferenceBackend();
  const encoder = await openEncoder(backend, space.base, [
    { location: fresh },
    { location: fresh, classifierOnly: true },
  ]);
  const { variants } = await classifyRows(encoder, randomEncodings(LENGTHS, 100));
  assertEquals([variants[0]!.rows, variants[0]!.cols], [LENGTHS.length, 3]);
  assertEquals(variants[0], variants[1]);
  assert(new Set(variants[0]!.logits).size > LENGTHS.length, "the logits differ between rows");
  backend.destroy();
});

Deno.test("Encoder gives each of several variants the logits that it has alone", async () => {
  await using space = await makeWorkspace();
  const backend = new ReferenceBackend();
  const variants = [
    { location: space.adapter },
    { location: space.adapter, classifierOnly: true },
    { location: space.adapter },
  ];
  const encodings = randomEncodings(LENGTHS, 100);
  const together = await classifyRows(
    await openEncoder(backend, space.base, variants),
    encodings,
  );
  for (const [index, variant] of variants.entries()) {
    const alone = await classifyRows(await openEncoder(backend, space.base, [variant]), encodings);
    assertEquals(together.variants[index], alone.variants[0]);
  }
  assert(together.variants[0]!.logits[0] !== together.variants[1]!.logits[0]);
  backend.destroy();
});

Deno.test("classifyRows() gives a row the same logits in whatever batch it stands", async () => {
  await using space = await makeWorkspace();
  const backend = new ReferenceBackend();
  const encoder = await openEncoder(backend, space.base, [{ location: space.adapter }]);
  const encodings = randomEncodings(LENGTHS, 100);
  const together = await classifyRows(encoder, encodings);
  const apart = await classifyRows(encoder, encodings, { maxSequences: 1 });
  // The f64 definitions sum each row by itself, so not a bit may differ.
  assertEquals(apart.variants, together.variants);
  assert(together.timings.compute > 0);
  backend.destroy();
});

Deno.test("Encoder depends on token types, positions and neighbours", async () => {
  await using space = await makeWorkspace();
  const backend = new ReferenceBackend();
  const encoder = await openEncoder(backend, space.base, [{ location: space.adapter }]);
  const sequence = (ids: number[], types: number[]) => ({
    ids: Uint32Array.from(ids),
    typeIds: Uint32Array.from(types),
  });
  const { variants } = await classifyRows(encoder, [
    sequence([2, 9, 10, 3], [0, 0, 0, 0]),
    sequence([2, 9, 10, 3], [0, 0, 1, 1]),
    sequence([2, 10, 9, 3], [0, 0, 0, 0]),
    sequence([2, 9, 11, 3], [0, 0, 0, 0]),
  ]);
  const { logits } = variants[0]!;
  assertEquals(new Set([0, 2, 4, 6].map((i) => logits[i])).size, 4);
  backend.destroy();
});

Deno.test("Encoder names the stages in their order", async () => {
  await using space = await makeWorkspace();
  const backend = new ReferenceBackend();
  const encoder = await openEncoder(backend, space.base, [{ location: space.adapter }]);
  const [batch] = packBatches(randomEncodings([3], 100), { maxTokens: 64, maxSequences: 1 });
  const stages: string[] = [];
  await encoder.record(batch!, (stage, value) => {
    stages.push(`${stage} ${value.cols}`);
    return Promise.resolve();
  });
  assertEquals(stages, [
    "embeddings 64",
    ...["layer.0", "layer.1"].flatMap((layer) =>
      ["attention", "adapter", "output"].map((stage) => `${layer}.${stage} 64`)
    ),
  ]);
  backend.destroy();
});

Deno.test("Encoder refuses tokens that the base's tables do not have", async () => {
  await using space = await makeWorkspace();
  const backend = new ReferenceBackend();
  const encoder = await openEncoder(backend, space.base, [{ location: space.adapter }]);
  const long = { ids: new Uint32Array(65), typeIds: new Uint32Array(65) };
  const tooLong = await assertRejects(() => classifyRows(encoder, [long]), TinygraftError);
  assertEquals(tooLong.code, "sequence-too-long");
  const unknown = { ids: Uint32Array.of(100_000), typeIds: Uint32Array.of(0) };
  await assertRejects(() => classifyRows(encoder, [unknown]), TinygraftError, "token id 100000");
  backend.destroy();
});
