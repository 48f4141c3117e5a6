import { assertEquals } from "@std/assert";
import { attendHeads, standardise } from "../../lib/calibrate/heads_on_text.ts";
import { SimilarityMeter } from "../../lib/calibrate/similarity.ts";
import { headSimilarity } from "../../lib/merge/compare.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { assertClose } from "../_close.ts";
import { oneHead, raggedInputs, randomModule } from "../merge/_modules.ts";

const SIZES = { hiddenSize: 10, numHeads: 3, headDim: 2, combine: "sum" } as const;

Deno.test("SimilarityMeter compares outputs as headSimilarity() does, over several chunks", () => {
  const folded = foldLayer(randomModule(SIZES, 3));
  const { values } = raggedInputs(10, 4);
  const states = Float32Array.from(values);
  const meter = new SimilarityMeter(folded);
  // The same text in one chunk of two sequences and one of one.
  for (const [begin, starts] of [[0, [0, 1, 6]], [6, [0, 3]]] as const) {
    const rows = states.subarray(begin * 10, (begin + starts.at(-1)!) * 10);
    meter.addOutputs(attendHeads(folded, standardise(rows, 10, 1e-5), starts));
  }
  meter.addMaps([0, 1, 2].map(() => Float64Array.of(1)), 1);
  const inputs = { values: Float64Array.from(states), starts: [0, 1, 6, 9] };
  const { output, energy } = meter.similarity();
  const want = headSimilarity(folded, inputs);
  assertClose(output.flat(), want.flat(), { atol: 1e-9, rtol: 0 });
  const single = layerUpdate({ ...oneHead(folded, 1), outputBias: new Float64Array(10) }, inputs);
  const square = single.reduce((sum, value) => sum + value ** 2, 0);
  assertClose([energy[1]!], [square], { atol: 0, rtol: 1e-9 });
});

Deno.test("SimilarityMeter compares attention by the mean total variation, by hand", () => {
  const folded = foldLayer(randomModule({ ...SIZES, numHeads: 2 }, 3));
  const meter = new SimilarityMeter(folded);
  // Two tokens: rows that differ by nothing and by all; then one token that can differ by nothing.
  meter.addMaps([Float64Array.of(1, 0, 1, 0), Float64Array.of(1, 0, 0, 1)], 2);
  meter.addMaps([Float64Array.of(1), Float64Array.of(1)], 1);
  const { attention } = meter.similarity();
  assertClose(attention.flat(), [1, 2 / 3, 2 / 3, 1], { atol: 1e-15, rtol: 0 });
});

Deno.test("SimilarityMeter gives 0 between heads one of which gives nothing", () => {
  const folded = foldLayer(randomModule({ ...SIZES, numHeads: 2 }, 3));
  const meter = new SimilarityMeter({ ...folded, outputWeight: new Float64Array(40) });
  meter.addMaps([Float64Array.of(1), Float64Array.of(1)], 1);
  meter.addOutputs(Float64Array.of(1, 2, 3, 4));
  const { output, energy } = meter.similarity();
  assertEquals([output, energy], [[[1, 0], [0, 1]], [0, 0]]);
});
