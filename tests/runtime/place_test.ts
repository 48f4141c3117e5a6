import { assert, assertEquals } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { readArrays } from "../../lib/merge/merge_adapter.ts";
import { classifyRows } from "../../lib/runtime/classify.ts";
import { Encoder } from "../../lib/runtime/encoder.ts";
import { loadAdapter, loadEncoder } from "../../lib/runtime/load.ts";
import { placeAdapter } from "../../lib/runtime/place.ts";
import { makeWorkspace } from "../_workspace.ts";
import { randomEncodings } from "./_encoder.ts";

for (
  const options of [
    {},
    { numHeads: [3, 1], headDim: 2, combine: "mean", dtype: "BF16" },
  ] as const
) {
  Deno.test(`placeAdapter() runs as loadAdapter() does: ${JSON.stringify(options)}`, async () => {
    await using space = await makeWorkspace({}, options);
    using base = await openModel(space.base);
    using adapter = await openAdapter(space.adapter);
    const backend = new ReferenceBackend();
    const weights = await loadEncoder(base.checkpoint, base.model, backend);
    const loaded = await loadAdapter(adapter, backend);
    const placed = placeAdapter(await readArrays(adapter), backend);
    const encoder = new Encoder(backend, weights, [loaded]);
    const encodings = randomEncodings([5, 1, 9], 100);
    const [want] = (await classifyRows(encoder, encodings)).variants;
    const both = encoder.withAdapters([placed, loaded]);
    const { variants } = await classifyRows(both, encodings);
    // Nothing is rounded on the way, so not a bit may differ.
    assertEquals(variants, [want!, want!]);
    assert(want!.logits.some((logit) => logit !== 0));
    // The encoder that lent its workspace goes on as before.
    assertEquals((await classifyRows(encoder, encodings)).variants, [want!]);
    backend.destroy();
  });
}
