import { assertEquals } from "@std/assert";
import { inverse, Matrix, SingularValueDecomposition } from "ml-matrix";
import {
  momentsOf,
  outputMoments,
  textProductMerge,
  truncateOnText,
} from "../../lib/calibrate/text_product.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { centreLayer, joinHeads, splitHeads } from "../../lib/merge/heads.ts";
import type { FactorPair } from "../../lib/merge/linear_algebra.ts";
import { productMerge } from "../../lib/merge/product.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { gaugedHeads, randomModule } from "../merge/_modules.ts";

const CLOSE = { atol: 1e-9, rtol: 1e-9 };
const [ROWS, LEFT, RIGHT] = [4, 6, 5];
const flat = (matrix: Matrix) => Float64Array.from(matrix.to1DArray());
const random = (rows: number, columns: number, seed: number) =>
  Matrix.from1DArray(rows, columns, noise(rows * columns, { seed }));
const productOf = ({ rows, left, right }: FactorPair) =>
  Matrix.from1DArray(rows, left.length / rows, left).transpose()
    .mmul(Matrix.from1DArray(rows, right.length / rows, right));

for (const rank of [1, 2, 4]) {
  Deno.test(`truncateOnText() is the SVD in the metric of the text at rank ${rank}`, () => {
    const [x, y] = [random(ROWS, LEFT, 1), random(ROWS, RIGHT, 2)];
    // Any root of the second moments will do: |Lᵀ B R| is the norm in which least is lost.
    const [l, r] = [random(LEFT, LEFT, 3), random(RIGHT, RIGHT, 4)];
    const shares = [1, 0.5, 2, 0.25];
    const pair = { rows: ROWS, left: flat(x), right: flat(y) };
    const moments = {
      left: flat(x.mmul(l).mmul(l.transpose()).mmul(x.transpose())),
      right: flat(y.mmul(r).mmul(r.transpose()).mmul(y.transpose())),
    };
    const found = productOf(truncateOnText(pair, shares, rank, moments));
    const product = x.transpose().mmul(Matrix.diag(shares)).mmul(y);
    const svd = new SingularValueDecomposition(l.transpose().mmul(product).mmul(r));
    const cut = svd.leftSingularVectors.subMatrix(0, LEFT - 1, 0, rank - 1)
      .mmul(Matrix.diag(svd.diagonal.slice(0, rank)))
      .mmul(svd.rightSingularVectors.subMatrix(0, RIGHT - 1, 0, rank - 1).transpose());
    const want = inverse(l.transpose()).mmul(cut).mmul(inverse(r));
    assertClose(flat(found), flat(want), CLOSE);
  });
}

Deno.test("textProductMerge() is productMerge() where the text favours no direction", () => {
  const module = centreLayer(
    foldLayer(randomModule({ hiddenSize: 12, numHeads: 3, headDim: 2, combine: "sum" }, 1)),
  );
  const heads = splitHeads(module);
  const stack = (factors: readonly Float64Array[]) => {
    const all = Matrix.from1DArray(6, factors[0]!.length / 2, factors.flatMap((f) => [...f]));
    return flat(all.mmul(all.transpose()));
  };
  const moments = {
    attention: {
      left: stack(heads.map(({ attention }) => attention.left)),
      right: stack(heads.map(({ attention }) => attention.right)),
    },
    value: { left: stack(heads.map(({ value }) => value.left)), right: outputMoments(heads) },
  };
  const found = textProductMerge(heads, [1, 1, 1], moments);
  const want = productMerge(heads, [1, 1, 1]);
  for (const product of ["attention", "value"] as const) {
    assertClose(flat(productOf(found[product])), flat(productOf(want[product])), CLOSE, product);
  }
});

Deno.test("textProductMerge() keeps a head that is there under several gauges", () => {
  const one = centreLayer(
    foldLayer(randomModule({ hiddenSize: 9, numHeads: 1, headDim: 2, combine: "sum" }, 2)),
  );
  const heads = splitHeads(gaugedHeads(one, 3, 4));
  const metric = random(10, 10, 5);
  const moments = (factors: readonly Float64Array[]) => {
    const size = factors[0]!.length / 2;
    const all = Matrix.from1DArray(6, size, factors.flatMap((f) => [...f]))
      .mmul(metric.subMatrix(0, size - 1, 0, 9));
    return flat(all.mmul(all.transpose()));
  };
  const merged = textProductMerge(heads, [1, 1, 1], {
    attention: {
      left: moments(heads.map(({ attention }) => attention.left)),
      right: moments(heads.map(({ attention }) => attention.right)),
    },
    value: { left: moments(heads.map(({ value }) => value.left)), right: outputMoments(heads) },
  });
  const [want] = splitHeads(one);
  for (const product of ["attention", "value"] as const) {
    assertClose(flat(productOf(merged[product])), flat(productOf(want![product])), CLOSE, product);
  }
});

Deno.test("textProductMerge() keeps the values of heads that give nothing yet", () => {
  const module = foldLayer(
    randomModule({ hiddenSize: 5, numHeads: 2, headDim: 1, combine: "sum" }, 3),
  );
  const heads = splitHeads({ ...module, outputWeight: new Float64Array(10) });
  const identity = Float64Array.of(1, 0, 0, 1);
  const metric = { left: identity, right: identity };
  const merged = textProductMerge(heads, [1, 1], { attention: metric, value: metric });
  const joined = joinHeads(module, [merged]);
  assertEquals(joined.outputWeight, new Float64Array(5));
  assertClose(
    joined.valueWeight,
    Float64Array.from(
      { length: 5 },
      (_, i) => (module.valueWeight[i]! + module.valueWeight[5 + i]!) / 2,
    ),
    CLOSE,
  );
});

Deno.test("momentsOf() picks rows and columns of a group", () => {
  const all = Float64Array.from({ length: 36 }, (_, i) => i);
  const metric = { left: all, right: all };
  const { attention } = momentsOf({ attention: metric, value: metric }, [0, 2], 2);
  assertEquals(
    [...attention.left],
    [0, 1, 4, 5, 6, 7, 10, 11, 24, 25, 28, 29, 30, 31, 34, 35],
  );
});
