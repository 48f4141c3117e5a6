import { assertEquals, assertRejects } from "@std/assert";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { TinygraftError } from "../../lib/errors.ts";
import { loadClassificationHead, loadMaskedLmHead } from "../../lib/runtime/load_head.ts";
import { FOLDER } from "./_architectures.ts";
import { rewrite } from "./_rewrite.ts";

Deno.test("loadMaskedLmHead() takes the vocabulary's rows of the tokens asked for", async () => {
  const backend = new ReferenceBackend();
  using base = await openModel(`${FOLDER}electra`);
  const head = await loadMaskedLmHead(base.checkpoint, base.model, backend, [5, 299, 5]);
  const { embeddingSize, hiddenSize } = base.model.config;
  assertEquals([head.classifier.weight.rows, head.classifier.weight.cols], [3, embeddingSize]);
  assertEquals([head.numLabels, head.transform?.activation], [3, "gelu"]);
  const { weight } = head.transform!.dense;
  assertEquals([weight.rows, weight.cols], [embeddingSize, hiddenSize]);
  assertEquals(head.transform?.norm?.weight.cols, embeddingSize);
  backend.destroy();
});

Deno.test("loadMaskedLmHead() refuses tokens outside the vocabulary, and none", async () => {
  const backend = new ReferenceBackend();
  using base = await openModel(`${FOLDER}bert`);
  for (const ids of [[], [300], [-1], [1.5]]) {
    await assertRejects(
      () => loadMaskedLmHead(base.checkpoint, base.model, backend, ids),
      RangeError,
      "each from 0 to 299",
    );
  }
  backend.destroy();
});

Deno.test("a base without heads is refused with the tensor that a head would have", async () => {
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-test-" });
  const backend = new ReferenceBackend();
  try {
    await rewrite("roberta", folder, (name) => name.startsWith("roberta.") ? name : undefined);
    using base = await openModel(folder);
    const { checkpoint, model } = base;
    for (
      const [load, tensor] of [
        [() => loadClassificationHead(checkpoint, model, backend), "classifier.out_proj.weight"],
        [() => loadMaskedLmHead(checkpoint, model, backend, [4]), "lm_head.dense.weight"],
      ] as const
    ) {
      const error = await assertRejects(load, TinygraftError, "it has none for");
      assertEquals([error.code, error.tensor], ["missing-tensor", tensor]);
    }
  } finally {
    backend.destroy();
    await Deno.remove(folder, { recursive: true });
  }
});
