import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/errors.ts";
import { TRAINING_DEFAULTS } from "../../lib/train/options.ts";
import { trainingSettings } from "../../lib/train/settings.ts";

const PATHS = { base: "base", output: "out", data: "rows.tsv" };

Deno.test("trainingSettings() fills in what was not asked for", () => {
  assertEquals(trainingSettings(PATHS), TRAINING_DEFAULTS);
  const asked = trainingSettings({ ...PATHS, batch: 8, recipe: "mergeable" });
  assertEquals(asked, { ...TRAINING_DEFAULTS, batch: 8, recipe: "mergeable" });
});

Deno.test("trainingSettings() refuses each number out of its range, by name", () => {
  const wrong = {
    consistencyWeight: -1,
    elasticity: NaN,
    epochs: 0,
    learningRate: NaN,
    batch: 1.5,
    weightDecay: -0.1,
    warmup: Infinity,
    dropout: 1,
    attentionDropout: -0.1,
    clip: -1,
    labelSmoothing: 1,
    seed: 2 ** 32,
    evalEvery: 0,
    patience: 0.5,
    saveEvery: -1,
    limit: 0,
  };
  for (const [key, value] of Object.entries(wrong)) {
    const options = { ...PATHS, [key]: value };
    assertThrows(() => trainingSettings(options), UsageError, `${key} is ${value}`);
  }
});

Deno.test("trainingSettings() drops nothing below a head that is not trained", () => {
  const head = { kind: "cloze", pattern: "{text} [MASK]", verbalizer: ["no", "yes"] } as const;
  assertEquals(trainingSettings({ ...PATHS, head }).dropout, 0);
  const dropping = { ...PATHS, head, dropout: 0.1 };
  assertThrows(() => trainingSettings(dropping), UsageError, "expected 0 for a cloze question");
});
