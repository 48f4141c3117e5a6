import { AttendedText } from "../../lib/calibrate/attended_text.ts";
import { attentionMaps, projectHeads, standardise } from "../../lib/calibrate/heads_on_text.ts";
import { NormedRows } from "../../lib/calibrate/normed_rows.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { multiply, rowProducts } from "../../lib/merge/linear_algebra.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { randomModule } from "../merge/_modules.ts";

const CLOSE = { atol: 1e-10, rtol: 1e-10 };
const [SIZE, TOKENS, COLUMNS] = [6, 12, 3];
const STARTS = [0, 1, 6, 12];
const STATES = noise(TOKENS * SIZE, { seed: 1, scale: 2 });
// The second sequence counts nothing, and of the others not every token.
const WEIGHTS = Float64Array.of(2, 0, 0, 0, 0, 0, 1, 0, 0.5, 3, 0, 1);
const TARGETS = Float64Array.from(noise(TOKENS * COLUMNS, { seed: 2 }));
const HEAD = foldLayer(
  randomModule({ hiddenSize: SIZE, numHeads: 1, headDim: 2, combine: "sum" }, 7),
);
const TEXT = { rows: new NormedRows(STATES, SIZE, 1e-5), starts: STARTS, weights: WEIGHTS };

/** G = A X, formed row by row. */
function attendedStates(): Float64Array {
  const normed = standardise(STATES, SIZE, 1e-5);
  const attended = new Float64Array(TOKENS * SIZE);
  attentionMaps(HEAD, projectHeads(HEAD, normed), STARTS, (begin, end, [map]) => {
    const part = multiply(map!, normed.subarray(begin * SIZE, end * SIZE), end - begin);
    attended.set(part, begin * SIZE);
  });
  return attended;
}

Deno.test("AttendedText multiplies as the matrix of attended states does", () => {
  const attended = new AttendedText(TEXT, HEAD);
  const matrix = attendedStates();
  const value = Float64Array.from(noise(2 * SIZE, { seed: 3 }));
  const want = rowProducts(matrix, value, SIZE).map((z, i) =>
    WEIGHTS[Math.floor(i / 2)]! > 0 ? z : 0
  );
  assertClose(attended.project(value), want, CLOSE, "project");
  const coefficients = Float64Array.from(noise(TOKENS * 2, { seed: 4 }));
  const gathered = Float64Array.from({ length: 2 * SIZE }, (_, at) => {
    const [column, i] = [Math.floor(at / SIZE), at % SIZE];
    let sum = 0;
    for (let token = 0; token < TOKENS; token++) {
      sum += WEIGHTS[token]! * coefficients[2 * token + column]! * matrix[token * SIZE + i]!;
    }
    return sum;
  });
  assertClose(attended.gather(coefficients, 2), gathered, CLOSE, "gather");
});

Deno.test("AttendedText takes moments about the means, by the tokens' weights", async () => {
  const targets = {
    columns: COLUMNS,
    read: (token: number, into: Float64Array) =>
      into.set(TARGETS.subarray(token * COLUMNS, (token + 1) * COLUMNS)),
  };
  const attended = new AttendedText(TEXT, HEAD);
  const moments = await attended.moments(targets, () => Promise.resolve());
  const matrix = attendedStates();
  const total = WEIGHTS.reduce((sum, weight) => sum + weight, 0);
  const meanOf = (rows: Float64Array, columns: number) =>
    Float64Array.from({ length: columns }, (_, i) => {
      let sum = 0;
      for (let token = 0; token < TOKENS; token++) {
        sum += (WEIGHTS[token]! * rows[token * columns + i]!) / total;
      }
      return sum;
    });
  const [mean, targetMean] = [meanOf(matrix, SIZE), meanOf(TARGETS, COLUMNS)];
  const products = (right: Float64Array, about: Float64Array) => {
    const columns = about.length;
    return Float64Array.from({ length: SIZE * columns }, (_, at) => {
      const [i, j] = [Math.floor(at / columns), at % columns];
      let sum = 0;
      for (let token = 0; token < TOKENS; token++) {
        sum += WEIGHTS[token]! * (matrix[token * SIZE + i]! - mean[i]!) *
          (right[token * columns + j]! - about[j]!);
      }
      return sum;
    });
  };
  assertClose(moments.mean, mean, CLOSE, "mean");
  assertClose(moments.targetMean, targetMean, CLOSE, "target mean");
  assertClose(moments.gram, products(matrix, mean), CLOSE, "gram");
  assertClose(moments.cross, products(TARGETS, targetMean), CLOSE, "cross");
  let energy = 0;
  for (const [i, value] of TARGETS.entries()) {
    energy += WEIGHTS[Math.floor(i / COLUMNS)]! * (value - targetMean[i % COLUMNS]!) ** 2;
  }
  assertClose([moments.energy, attended.total], [energy, total], CLOSE, "energy");
});
