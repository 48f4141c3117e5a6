import { assertEquals } from "@std/assert";
import { openModel } from "../../lib/checkpoint/open_model.ts";
import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { loadEncoder } from "../../lib/runtime/load.ts";
import { loadTransposed, placeTransposed } from "../../lib/runtime/transposed.ts";
import type { Weight } from "../../lib/compute/value.ts";
import { makeWorkspace } from "../_workspace.ts";

/** What a linear layer with the weight makes of one row. */
async function apply(backend: ReferenceBackend, weight: Weight, row: readonly number[]) {
  const [x, y] = [weight.cols, weight.rows].map((cols) => backend.value("v", "tokens", cols));
  const bias = backend.weight("zeros", new Float32Array(weight.rows), 1, weight.rows);
  backend.begin({ tokens: 1, starts: Uint32Array.of(0, 1) });
  backend.write(x!, Float32Array.from(row));
  backend.run({ op: "linear", x: x!, weight, bias, activation: "none", y: y! });
  return (await backend.read([y!]))[0]!;
}

Deno.test("placeTransposed() stands matrices side by side that stood one below the other", async () => {
  const backend = new ReferenceBackend();
  // [[1, 2, 3], [4, 5, 6]] above [[7, 8, 9], [10, 11, 12]]
  const parts = [Float32Array.of(1, 2, 3, 4, 5, 6), Float32Array.of(7, 8, 9, 10, 11, 12)];
  const weight = placeTransposed(backend, "both", parts, 3);
  assertEquals([weight.rows, weight.cols], [3, 4]);
  assertEquals([...await apply(backend, weight, [1, 10, 100, 1000])], [10741, 11852, 12963]);
  backend.destroy();
});

Deno.test("loadTransposed() gives what takes a unit vector back to a row of the layer", async () => {
  await using workspace = await makeWorkspace({ hidden: 8, heads: 2, intermediate: 12 });
  const backend = new ReferenceBackend();
  using base = await openModel(workspace.base);
  const weights = await loadEncoder(base.checkpoint, base.model, backend);
  const [first, second] = await loadTransposed(base.checkpoint, base.model, backend);
  assertEquals(first!.attention, undefined);
  const { intermediate, output } = second!.feedForward;
  const pairs = [
    [second!.attention!.qkv, weights.layers[1]!.qkv.weight],
    [second!.attention!.output, weights.layers[1]!.attentionOutput.weight],
    [intermediate, weights.layers[1]!.intermediate.weight],
    [output, weights.layers[1]!.output.weight],
  ] as const;
  for (const [transposed, weight] of pairs) {
    assertEquals([transposed.rows, transposed.cols], [weight.cols, weight.rows], weight.label);
    const unit = (length: number, at: number) => Array.from({ length }, (_, i) => i === at ? 1 : 0);
    const [row, col] = [weight.rows - 2, weight.cols - 3];
    const back = await apply(backend, transposed, unit(weight.rows, row));
    const forth = await apply(backend, weight, unit(weight.cols, col));
    assertEquals(back[col], forth[row], weight.label);
  }
  backend.destroy();
});
