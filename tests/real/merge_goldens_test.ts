import { assert, assertEquals } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { readTensor } from "../../lib/checkpoint/open.ts";
import { gaussianInputs, relativeError } from "../../lib/merge/compare.ts";
import { readLayer } from "../../lib/merge/layer.ts";
import { execute } from "../../lib/checkpoint/execute.ts";
import { planMerge } from "../../lib/merge/merge_adapter.ts";
import { decodeFloats } from "../../lib/tensor/decode.ts";
import { assertClose } from "../_close.ts";
import { sharedPath } from "../_shared.ts";
import { withFolder } from "../merge/_adapters.ts";

for (const golden of ["sst2_h4", "sst2_h4_route", "cola_h4", "mrpc_h4", "stsb_h4"]) {
  Deno.test(`planMerge() by average gives PyTorch's tensors for ${golden}`, async () => {
    const folder = sharedPath(`goldens/${golden}`);
    if (folder === undefined) return;
    await withFolder(async (output) => {
      using before = await openAdapter(`${folder}/multi_head`);
      const merge = await planMerge(before, `${output}/merged`, { method: "average" });
      await execute(merge.plan);
      using found = await openAdapter(`${output}/merged`);
      using want = await openAdapter(`${folder}/average`);
      assertEquals([...found.tensors.keys()], [...want.tensors.keys()]);
      for (const [name, entry] of want.tensors) {
        const [actual, wanted] = await Promise.all(
          [found.tensors.get(name)!, entry].map(readTensor),
        );
        // Both round f64 once; sums are added in another order, so the last bit may differ.
        const tolerance = { atol: 1e-9, rtol: 1.2e-7 };
        assertClose(decodeFloats(actual!, "F32"), decodeFloats(wanted!, "F32"), tolerance, name);
      }
      for (const { layer, relativeError: error } of merge.layers) {
        const inputs = gaussianInputs(found.config.hiddenSize, 1);
        const modules = [await readLayer(found, layer), await readLayer(want, layer)] as const;
        assert(relativeError(...modules, inputs) < 1e-6);
        assert(error > 0 && error < 2, `layer ${layer}: relative error ${error}`);
      }
    });
  });
}
