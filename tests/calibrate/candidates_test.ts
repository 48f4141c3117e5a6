import { assert, assertEquals } from "@std/assert";
import { listCandidates } from "../../lib/calibrate/candidates.ts";
import { clusterHeadsByData, LayerStatistics } from "../../lib/calibrate/layer_statistics.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { centreLayer } from "../../lib/merge/heads.ts";
import { noise } from "../_noise.ts";
import { randomModule } from "../merge/_modules.ts";

const STATES = noise(30 * 12, { seed: 1 });
const STARTS = [0, 8, 9, 30];

function candidatesOf(numHeads: number, count: number) {
  const module = centreLayer(
    foldLayer(randomModule({ hiddenSize: 12, numHeads, headDim: 1, combine: "sum" }, 2)),
  );
  const statistics = new LayerStatistics(module);
  statistics.add(STATES, STARTS);
  return listCandidates(module, count, statistics.similarity(), statistics.moments());
}

// Stirling's numbers S(M, r) of groupings, one plain product, and binomial choices of heads.
for (
  const [numHeads, count, want] of [
    [4, 1, 1 + 1 + 4],
    [4, 2, 7 + 1 + 6],
    [4, 3, 6 + 1 + 4],
    [5, 2, 15 + 1 + 10],
    [2, 1, 1 + 1 + 2],
  ] as const
) {
  Deno.test(`listCandidates() tries all ways from ${numHeads} heads to ${count}`, () => {
    const candidates = candidatesOf(numHeads, count);
    assertEquals(candidates.length, want);
    for (const { heads, groups } of candidates) {
      assertEquals([heads.length, groups.length], [count, count]);
      assert(groups.every((group) => group.length > 0));
      assertEquals(
        groups.flat().sort((m, n) => m - n),
        Array.from({ length: numHeads }, (_, m) => m),
      );
      assert(heads.every((head) => head.numHeads === 1));
    }
  });
}

Deno.test("listCandidates() tries a few ways where there are many", () => {
  const candidates = candidatesOf(12, 4);
  assertEquals(candidates.length, 2 + 1 + 1);
  for (const { groups } of candidates) {
    assertEquals(groups.flat().sort((m, n) => m - n), Array.from({ length: 12 }, (_, m) => m));
  }
});

Deno.test("clusterHeadsByData() groups heads of like attention and output, of either sign", () => {
  const same = [[1, 0.9, 0.1, 0.2], [0.9, 1, 0.1, 0.2], [0.1, 0.1, 1, 0.8], [0.2, 0.2, 0.8, 1]];
  const output = [[1, -0.9, 0.3, 0], [-0.9, 1, 0.3, 0], [0.3, 0.3, 1, 0.7], [0, 0, 0.7, 1]];
  const energy = [1, 1, 1, 1];
  assertEquals(clusterHeadsByData({ attention: same, output, energy }, 2), [[0, 1], [2, 3]]);
  assertEquals(clusterHeadsByData({ attention: same, output, energy }, 3), [[0, 1], [2], [3]]);
});
