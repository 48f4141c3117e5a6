// Training on a cloze question beside PyTorch's: transformers' own head for masked tokens.

import { assertEquals } from "@std/assert";
import { openCheckpoint, readFloats } from "../../lib/checkpoint/open.ts";
import { openSession } from "../../lib/eval/session.ts";
import { verbalizerTokens } from "../../lib/text/cloze.ts";
import { train } from "../../lib/train/train.ts";
import { assertClose } from "../_close.ts";
import { FOLDER } from "../runtime/_architectures.ts";
import { askPython } from "./_python.ts";

const BASE = `${FOLDER}bert`;
const LABELS = ["no", "maybe", "yes"];
const HEAD = {
  kind: "cloze",
  pattern: "{text} It is [MASK]: {pair}",
  verbalizer: ["order", "not", "you"],
} as const;
const ROWS = [
  { text: "Where is my order?", pair: "I can't find it!", label: "no" },
  { text: "I want it now", pair: "two words", label: "yes" },
  { text: "It isn't here", pair: "and not the lamp I want to have", label: "maybe" },
  { text: "you", pair: "I", label: "yes" },
];
const STEPS = 20;
const SETTINGS = { learningRate: 0.01, weightDecay: 0.02, clip: 0.5 };

/** F32 on one side, f64 with f32 values on the other, over some steps of AdamW. */
const TOLERANCE = { atol: 2e-5, rtol: 2e-4 };

Deno.test("training on a cloze question takes PyTorch's steps", async () => {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  try {
    const data = `${folder}/rows.jsonl`;
    await Deno.writeTextFile(data, ROWS.map((row) => `${JSON.stringify(row)}\n`).join(""));
    const { history } = await train({
      base: BASE,
      from: `${BASE}/adapter`,
      output: `${folder}/ours`,
      data,
      head: HEAD,
      ...{ text: "text", textPair: "pair", label: "label" },
      classifier: { task: { type: "classification", labels: LABELS }, numLabels: 3 },
      ...{ ...SETTINGS, batch: ROWS.length, epochs: STEPS, warmup: 0, schedule: "constant" },
      device: "reference",
    });
    using session = await openSession({
      base: BASE,
      adapters: [],
      head: HEAD,
      device: "reference",
    });
    const job = {
      base: BASE,
      adapter: `${BASE}/adapter/adapter_model.safetensors`,
      heads: 2,
      rows: ROWS.map(({ text, pair, label }) => {
        const { ids, typeIds, selected } = session.cloze!.encode(text, pair, 128);
        return { ids: [...ids], types: [...typeIds], selected, label: LABELS.indexOf(label) };
      }),
      words: verbalizerTokens(session.tokenizer, HEAD.verbalizer),
      steps: STEPS,
      "learning_rate": SETTINGS.learningRate,
      "weight_decay": SETTINGS.weightDecay,
      clip: SETTINGS.clip,
      output: `${folder}/theirs.safetensors`,
    };
    const want = await askPython("cloze_training_peer.py", job) as number[];
    assertClose(history.steps.map(({ loss }) => loss), want, TOLERANCE, "loss");
    using ours = await openCheckpoint(`${folder}/ours/adapter_model.safetensors`);
    using theirs = await openCheckpoint(`${folder}/theirs.safetensors`);
    assertEquals([...ours.tensors.keys()].sort(), [...theirs.tensors.keys()].sort());
    for (const [name, entry] of ours.tensors) {
      // AdamW divides by the gradient's size, and the key's bias has none but for rounding.
      if (name.endsWith("key.bias")) continue;
      const exact = await readFloats(theirs.tensors.get(name)!);
      assertClose(await readFloats(entry), exact, { atol: 2e-4, rtol: 1e-2 }, name);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
