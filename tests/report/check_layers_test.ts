import { assert, assertEquals } from "@std/assert";
import { execute } from "../../lib/checkpoint/execute.ts";
import { openAdapter } from "../../lib/adapter/open.ts";
import { planMerge } from "../../lib/merge/merge_adapter.ts";
import { compareLayers } from "../../lib/report/check_layers.ts";
import { adapterConfig, withFolder, writeAdapter } from "../merge/_adapters.ts";

Deno.test("compareLayers() finds of a merge what the merge itself reported", async () => {
  await withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig({ numHeads: 3 }));
    using adapter = await openAdapter(`${folder}/a`);
    const merge = await planMerge(adapter, `${folder}/b`, { method: "average" });
    await execute(merge.plan);
    const layers = await compareLayers(`${folder}/a`, `${folder}/b`);
    assertEquals(
      layers,
      merge.layers.map((layer) => ({ ...layer, heads: { before: 3, after: 1 } })),
    );
  });
});

Deno.test("compareLayers() leaves heads by themselves where several are left", async () => {
  await withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig({ numHeads: 3 }));
    await writeAdapter(`${folder}/b`, adapterConfig({ numHeads: 2 }));
    const layers = await compareLayers(`${folder}/a`, `${folder}/b`);
    assert(layers?.every(({ groups, relativeError }) => groups.length === 3 && relativeError > 0));
    assertEquals(layers?.[0]?.heads, { before: 3, after: 2 });
  });
});

Deno.test("compareLayers() has nothing to say of adapters for different bases", async () => {
  await withFolder(async (folder) => {
    await writeAdapter(`${folder}/a`, adapterConfig({}));
    await writeAdapter(`${folder}/b`, adapterConfig({ hiddenSize: 8 }));
    await writeAdapter(`${folder}/c`, adapterConfig({ numHiddenLayers: 1 }));
    assertEquals(await compareLayers(`${folder}/a`, `${folder}/b`), undefined);
    assertEquals(await compareLayers(`${folder}/a`, `${folder}/c`), undefined);
  });
});
