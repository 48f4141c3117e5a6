import { assert, assertEquals } from "@std/assert";
import { openAdapter } from "../../lib/adapter/open.ts";
import { readTensor } from "../../lib/checkpoint/open.ts";
import { alignHeads } from "../../lib/merge/align.ts";
import { gaussianInputs, relativeError } from "../../lib/merge/compare.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { type Head, meanPair, splitHeads } from "../../lib/merge/heads.ts";
import { type FactorPair, innerProduct, productNorm } from "../../lib/merge/linear_algebra.ts";
import { meanProduct } from "../../lib/merge/product.ts";
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

/** The reference's own choices: no centring, equal weights, everything aligned to head 0. */
const REFERENCE: Readonly<Record<string, (heads: readonly Head[]) => Head>> = {
  aligned: (heads) => {
    const aligned = alignHeads(heads, { attention: 0, value: 0 });
    const one = heads.map(() => 1);
    return {
      attention: meanPair(aligned.map(({ attention }) => attention), one),
      value: meanPair(aligned.map(({ value }) => value), one),
    };
  },
  product: (heads) => {
    const one = heads.map(() => 1);
    return {
      attention: meanProduct(heads.map(({ attention }) => attention), one),
      value: meanProduct(heads.map(({ value }) => value), one),
    };
  },
};

/** `|A - B| / |B|` of two products in the Frobenius norm, neither of which is formed. */
function productDistance(a: FactorPair, b: FactorPair): number {
  const join = (one: Float64Array, other: Float64Array) => Float64Array.of(...one, ...other);
  const negated = b.left.map((value) => -value);
  const rows = a.rows + b.rows;
  const difference = { rows, left: join(a.left, negated), right: join(a.right, b.right) };
  return productNorm(difference) / Math.sqrt(innerProduct(b, b));
}

for (const golden of ["sst2_h4", "sst2_h4_route", "cola_h4", "mrpc_h4", "stsb_h4"]) {
  for (const [method, merge] of Object.entries(REFERENCE)) {
    Deno.test(`merging by ${method} as PyTorch's reference does gives its products for ${golden}`, async () => {
      const folder = sharedPath(`goldens/${golden}`);
      if (folder === undefined) return;
      using before = await openAdapter(`${folder}/multi_head`);
      using after = await openAdapter(`${folder}/${method}`);
      for (let layer = 0; layer < before.config.numHiddenLayers; layer++) {
        const heads = splitHeads(foldLayer(await readLayer(before, layer)));
        const [want] = splitHeads(await readLayer(after, layer));
        const { attention, value } = merge(heads);
        const right = value.right.map((entry) => heads.length * entry);
        // PyTorch's tensors were rounded to F32; products of two err by twice that.
        assert(productDistance(attention, want!.attention) < 4e-7, `layer ${layer} attention`);
        assert(productDistance({ ...value, right }, want!.value) < 4e-7, `layer ${layer} value`);
      }
    });
  }
}
