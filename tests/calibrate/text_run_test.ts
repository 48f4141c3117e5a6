import { assert, assertEquals } from "@std/assert";
import { TextRun } from "../../lib/calibrate/text_run.ts";
import { packBatches } from "../../lib/runtime/batch.ts";
import { Encoder } from "../../lib/runtime/encoder.ts";
import { placeLinear } from "../../lib/runtime/load.ts";
import { assertClose } from "../_close.ts";
import { HIDDEN, LENGTHS, withText } from "./_text.ts";

Deno.test("TextRun goes through the layers as the encoder does", async () => {
  await withText(async (text) => {
    const { backend, weights, encodings } = text;
    const classifier = placeLinear(backend, "c", new Float32Array(HIDDEN), new Float32Array(1));
    const placement = "after_attention" as const;
    const bare = { modules: [], layerNormEps: 1e-5, placement, classifier, numLabels: 1 };
    const encoder = new Encoder(backend, weights, [bare]);
    const [batch] = packBatches(encodings, { maxTokens: 256, maxSequences: 99 });
    const stages = new Map<string, Float32Array>();
    await encoder.record(batch!, async (stage, value) => {
      stages.set(stage, (await backend.read([value]))[0]!);
    });
    using run = new TextRun(text);
    const states = await run.embed();
    const check = (stage: string, found: Float32Array) =>
      assertClose(found, stages.get(stage)!, { atol: 1e-5, rtol: 1e-5 }, stage);
    check("embeddings", states);
    for (let layer = 0; layer < run.layers; layer++) {
      const attended = new Float32Array(states.length);
      const before = states.slice();
      await run.attention(layer, states, attended);
      assertEquals(states, before);
      check(`layer.${layer}.attention`, attended);
      await run.attention(layer, states, states);
      assertEquals(states, attended);
      await run.feedForward(layer, states);
      check(`layer.${layer}.output`, states);
    }
  }, { maxTokens: 256 });
});

Deno.test("TextRun lays chunks end to end", async () => {
  await withText((text) => {
    using run = new TextRun(text);
    assert(run.chunks.length > 1);
    const tokens = LENGTHS.reduce((sum, length) => sum + length, 0);
    assertEquals([run.tokens, run.starts.at(-1), run.starts.length], [
      tokens,
      tokens,
      LENGTHS.length + 1,
    ]);
    const states = Float32Array.from({ length: tokens * HIDDEN }, (_, i) => i);
    const second = run.chunks[1]!;
    assertEquals(run.rows(states, second)[0], second.begin * HIDDEN);
    assertEquals(second.begin, run.chunks[0]!.batch.tokens);
    return Promise.resolve();
  });
});
