import { projectHeads, standardise } from "../../lib/calibrate/heads_on_text.ts";
import { LayerStatistics } from "../../lib/calibrate/layer_statistics.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { headOutputs } from "../../lib/merge/forward.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { randomModule } from "../merge/_modules.ts";

const CLOSE = { atol: 1e-9, rtol: 1e-9 };
const FOLDED = foldLayer(
  randomModule({ hiddenSize: 7, numHeads: 2, headDim: 2, combine: "sum" }, 3),
);
const STATES = noise(9 * 7, { seed: 2, scale: 2 });

/** `XᵀX` of [rows, 4]. */
function gram(rows: Float64Array): Float64Array {
  return Float64Array.from({ length: 16 }, (_, at) => {
    let sum = 0;
    for (let begin = 0; begin < rows.length; begin += 4) {
      sum += rows[begin + Math.floor(at / 4)]! * rows[begin + at % 4]!;
    }
    return sum;
  });
}

Deno.test("LayerStatistics takes the moments of queries, values, and keys about their means", () => {
  const statistics = new LayerStatistics(FOLDED);
  const outputs = [
    ...statistics.add(STATES.subarray(0, 6 * 7), [0, 1, 6]),
    ...statistics.add(STATES.subarray(6 * 7), [0, 3]),
  ];
  const starts = [0, 1, 6, 9];
  const inputs = { values: Float64Array.from(STATES), starts };
  assertClose(outputs, headOutputs(FOLDED, inputs), CLOSE, "outputs");
  const { query, key, value } = projectHeads(FOLDED, standardise(STATES, 7, 1e-5));
  const { attention, value: ofValue } = statistics.moments();
  assertClose(attention.left, gram(query), CLOSE, "query");
  assertClose(ofValue.left, gram(value), CLOSE, "value");
  const centred = key.map((entry, at) => {
    const [row, column] = [Math.floor(at / 4), at % 4];
    const sequence = starts.findIndex((_, i) => starts[i + 1]! > row);
    const [begin, end] = [starts[sequence]!, starts[sequence + 1]!];
    let mean = 0;
    for (let other = begin; other < end; other++) mean += key[other * 4 + column]! / (end - begin);
    return entry - mean;
  });
  assertClose(attention.right, gram(centred), CLOSE, "key");
  const columns = Float64Array.from(FOLDED.outputWeight);
  assertClose(ofValue.right, gram(columns), CLOSE, "output");
});
