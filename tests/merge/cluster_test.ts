import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { clusterHeads, weightSimilarity } from "../../lib/merge/cluster.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { centreLayer, type Head, joinHeads, scaleHead, splitHeads } from "../../lib/merge/heads.ts";
import { gaugedHeads, randomModule } from "./_modules.ts";

const pair = (left: readonly number[], right: readonly number[]) => ({
  rows: 1,
  left: Float64Array.from(left),
  right: Float64Array.from(right),
});

/** A head of width 1 that looks along one angle and brings along another, times a factor. */
function angledHead(looks: number, brings: number, factor = 1): Head {
  return {
    attention: pair([1, 0, 0], [Math.cos(looks), Math.sin(looks)]),
    value: pair([1, 0], [factor * Math.cos(brings), factor * Math.sin(brings)]),
  };
}

Deno.test("weightSimilarity() gives the cosines of both products", () => {
  const zero = scaleHead(angledHead(0, 0), 0);
  const { attention, value } = weightSimilarity([angledHead(0, 0), angledHead(1, 2, 5), zero]);
  assertEquals([attention[0]![0], attention[1]![1]], [1, 1]);
  assertAlmostEquals(attention[0]![1]!, Math.cos(1), 1e-12);
  assertAlmostEquals(value[1]![0]!, Math.cos(2), 1e-12);
  assertEquals([value[0]![2], value[2]![1], value[2]![2]], [0, 0, 1]);
});

Deno.test("weightSimilarity() does not depend on what stands between factors", () => {
  const sizes = { hiddenSize: 8, numHeads: 1, headDim: 3, combine: "sum" } as const;
  const heads = splitHeads(gaugedHeads(foldLayer(randomModule(sizes, 80)), 3, 81));
  const { attention, value } = weightSimilarity(heads);
  for (const matrix of [attention, value]) {
    for (const cosine of matrix.flat()) assertAlmostEquals(cosine, 1, 1e-10);
  }
});

Deno.test("clusterHeads() puts together heads that look at the same and bring the same", () => {
  const heads = [angledHead(0, 0), angledHead(1.5, 1), angledHead(0.1, 0.1), angledHead(1.4, 1)];
  assertEquals(clusterHeads(heads, 2), [[0, 2], [1, 3]]);
  assertEquals(clusterHeads(heads, 4), [[0], [1], [2], [3]]);
  assertEquals(clusterHeads(heads, 3), [[0], [1, 3], [2]]);
  assertEquals(clusterHeads(heads, 1), [[0, 1, 2, 3]]);
});

Deno.test("clusterHeads() merges heads of opposite outputs but not of opposite attention", () => {
  const opposite = angledHead(0, Math.PI);
  const away = angledHead(Math.PI, 0);
  assertEquals(clusterHeads([angledHead(0, 0), away, opposite], 2), [[0, 2], [1]]);
});

Deno.test("clusterHeads() gives up small heads and those that bring nothing first", () => {
  const [a, b] = [angledHead(0, 0), angledHead(1.5, 1.5)];
  assertEquals(clusterHeads([a, b, angledHead(0.8, 0.8, 0.01)], 2).length, 2);
  const groups = clusterHeads([a, b, angledHead(0.75, 0.75, 0.01)], 2);
  assert(groups.some((group) => group.length === 1 && group[0] !== 2));
  assertEquals(clusterHeads([a, scaleHead(b, 0), b], 2), [[0, 1], [2]]);
});

Deno.test("clusterHeads() always gives the same groups, of equal ones the first", () => {
  const same = [0, 1, 2, 3].map(() => angledHead(0.3, 0.7));
  assertEquals(clusterHeads(same, 3), [[0, 1], [2], [3]]);
  const sizes = { hiddenSize: 12, numHeads: 7, headDim: 2, combine: "mean" } as const;
  const module = centreLayer(foldLayer(randomModule(sizes, 82)));
  const groups = clusterHeads(splitHeads(module), 3);
  assertEquals(groups, clusterHeads(splitHeads(joinHeads(module, splitHeads(module))), 3));
  assertEquals(groups.flat().sort(), [0, 1, 2, 3, 4, 5, 6]);
  assertEquals(groups.map(([first]) => first), groups.map(([first]) => first).sort());
});
