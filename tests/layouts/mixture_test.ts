import { assert, assertEquals } from "@std/assert";
import { canonicalModule } from "../../lib/layouts/bodies.ts";
import { joinMixture, mixtureGap } from "../../lib/layouts/mixture.ts";
import { gaussianInputs } from "../../lib/merge/compare.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { assertClose } from "../_close.ts";
import { originalUpdate, randomBody, randomRows, SIZES } from "./_modules.ts";

Deno.test("joinMixture() adds the mean of what the modules add", () => {
  for (const sizes of SIZES) {
    const bodies = [1, 2, 3, 4].map((seed) => randomBody("joined", sizes, seed));
    const rows = randomRows(6, sizes.hiddenSize, 11);
    const all = bodies.map((body) => {
      return originalUpdate("joined", body, sizes, rows, rows.map(() => false)).flat();
    });
    const want = all[0]!.map((_, i) => all.reduce((sum, update) => sum + update[i]! / 4, 0));
    const joined = joinMixture(bodies.map((body) => canonicalModule("joined", body, sizes)));
    assertEquals([joined.numHeads, joined.headDim], [4 * sizes.numHeads, sizes.headDim]);
    assertEquals(joined.normWeight, new Float64Array(sizes.hiddenSize).fill(1));
    const values = Float64Array.from(rows.flat());
    const found = layerUpdate(joined, { values, starts: [0, 6] });
    assertClose(found, want, { atol: 1e-12, rtol: 1e-12 });
  }
});

Deno.test("mixtureGap() compares with the modules one behind another", () => {
  const sizes = SIZES[1]!;
  const bodies = [1, 2, 3, 4].map((seed) => randomBody("joined", sizes, seed, 0.7));
  const { values, starts } = gaussianInputs(sizes.hiddenSize, 0);
  let [error, length, input] = [0, 0, 0];
  for (let sequence = 0; sequence + 1 < starts.length; sequence++) {
    const [begin, end] = [starts[sequence]!, starts[sequence + 1]!];
    const rows = Array.from(
      { length: end - begin },
      (_, i) => [...values.slice((begin + i) * 12, (begin + i + 1) * 12)],
    );
    const none = rows.map(() => false);
    const add = (x: number[][], body: Map<string, Float64Array>, to: number[][]) => {
      const update = originalUpdate("joined", body, sizes, x, none);
      return to.map((row, t) => row.map((value, i) => value + update[t]![i]! / 4));
    };
    let chain = rows;
    for (const body of bodies) chain = add(chain, body, chain);
    let parallel = rows;
    for (const body of bodies) parallel = add(rows, body, parallel);
    for (const [t, row] of rows.entries()) {
      for (const [i, value] of row.entries()) {
        error += (parallel[t]![i]! - chain[t]![i]!) ** 2;
        length += (chain[t]![i]! - value) ** 2;
        input += value ** 2;
      }
    }
  }
  const modules = bodies.map((body) => canonicalModule("joined", body, sizes));
  const found = mixtureGap(3, modules, gaussianInputs(sizes.hiddenSize, 0));
  assertEquals(found.layer, 3);
  assertClose(
    [found.gap, found.update],
    [Math.sqrt(error / length), Math.sqrt(length / input)],
    { atol: 0, rtol: 1e-10 },
  );
  assert(found.gap > 0.01, `${found.gap}`);
});

Deno.test("mixtureGap() shrinks with the update, and is 0 where nothing is added", () => {
  const sizes = SIZES[1]!;
  const inputs = gaussianInputs(sizes.hiddenSize, 1);
  const gaps = [1, 0.1, 0.01, 0].map((scale) => {
    const modules = [1, 2, 3, 4].map((seed) => {
      const module = canonicalModule("joined", randomBody("joined", sizes, seed), sizes);
      const scaled = (value: number) => scale * value;
      return {
        ...module,
        outputWeight: module.outputWeight.map(scaled),
        outputBias: module.outputBias.map(scaled),
      };
    });
    return mixtureGap(0, modules, inputs).gap;
  });
  assert(gaps[0]! > 5 * gaps[1]! && gaps[1]! > 5 * gaps[2]! && gaps[2]! > 0, `${gaps}`);
  assertEquals(gaps[3], 0);
});
