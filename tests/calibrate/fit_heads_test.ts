import { assert, assertEquals } from "@std/assert";
import type { Targets } from "../../lib/calibrate/attended_text.ts";
import { fitHeads, solvedResidual } from "../../lib/calibrate/fit_heads.ts";
import { NormedRows } from "../../lib/calibrate/normed_rows.ts";
import { attendHeads, standardise, updateOf } from "../../lib/calibrate/heads_on_text.ts";
import { foldLayer } from "../../lib/merge/fold.ts";
import { joinHeads, splitHeads } from "../../lib/merge/heads.ts";
import type { LayerModule } from "../../lib/merge/layer.ts";
import { assertClose } from "../_close.ts";
import { noise } from "../_noise.ts";
import { type ModuleSizes, randomModule } from "../merge/_modules.ts";

const SIZE = 8;
const TOKENS = 60;
const STARTS = [0, 7, 8, 20, 41, TOKENS];
const STATES = noise(TOKENS * SIZE, { seed: 1, scale: 2 });
const NORMED = standardise(STATES, SIZE, 1e-5);
const TEXT = {
  rows: new NormedRows(STATES, SIZE, 1e-5),
  starts: STARTS,
  weights: Float64Array.from({ length: TOKENS }, (_, i) => (i % 3 === 0 ? 0 : 1 + i / TOKENS)),
};
const pause = () => Promise.resolve();

function folded(sizes: Partial<ModuleSizes>, seed: number): LayerModule {
  const full = { hiddenSize: SIZE, numHeads: 1, headDim: 1, combine: "sum", ...sizes } as const;
  return foldLayer(randomModule(full, seed));
}

function targetsOf(rows: Float64Array): Targets {
  const columns = rows.length / TOKENS;
  return {
    columns,
    read: (token, into) => into.set(rows.subarray(token * columns, (token + 1) * columns)),
  };
}

const apart = (module: LayerModule) => splitHeads(module).map((head) => joinHeads(module, [head]));

/** The weighted squared distance of a fit from its targets, token by token. */
function residualOf(
  heads: readonly LayerModule[],
  { values, output, bias }: Awaited<ReturnType<typeof fitHeads>>,
  targets: Float64Array,
): number {
  const columns = bias.length;
  const mixed = heads.map((head, i) =>
    attendHeads({ ...head, valueWeight: values[i]! }, NORMED, STARTS)
  );
  const rank = heads[0]!.headDim;
  let sum = 0;
  for (let token = 0; token < TOKENS; token++) {
    for (let j = 0; j < columns; j++) {
      let found = bias[j]!;
      for (let row = 0; row < heads.length * rank; row++) {
        const z = mixed[Math.floor(row / rank)]![token * rank + row % rank]!;
        found += z * output[row * columns + j]!;
      }
      sum += TEXT.weights[token]! * (targets[token * columns + j]! - found) ** 2;
    }
  }
  return sum;
}

for (const [numHeads, headDim] of [[1, 1], [1, 3], [2, 1], [3, 2]] as const) {
  const heads = `${numHeads} ${numHeads === 1 ? "head" : "heads"} of width ${headDim}`;

  Deno.test(`fitHeads() finds exactly what ${heads} of the given attention add`, async () => {
    const module = folded({ numHeads, headDim }, 5);
    const targets = updateOf(module, attendHeads(module, NORMED, STARTS));
    const fit = await fitHeads(TEXT, targetsOf(targets), apart(module), pause);
    assert(fit.residual < 1e-12 * fit.energy, `${fit.residual} of ${fit.energy}`);
    assert(solvedResidual(TEXT, targetsOf(targets), apart(module)) < 1e-12 * fit.energy);
  });

  Deno.test(`fitHeads() tells the residual of what it gives for ${heads}`, async () => {
    const start = apart(folded({ numHeads, headDim }, 6));
    const targets = Float64Array.from(noise(TOKENS * 5, { seed: 9 }));
    const fit = await fitHeads(TEXT, targetsOf(targets), start, pause);
    assertEquals(fit.values.length, numHeads);
    assertClose([fit.residual], [residualOf(start, fit, targets)], { atol: 1e-9, rtol: 1e-9 });
    assert(fit.residual < solvedResidual(TEXT, targetsOf(targets), start), "no better than before");
    assert(fit.residual < fit.energy);
  });
}

Deno.test("fitHeads() finds values where only the attention is given", async () => {
  const module = folded({ numHeads: 1, headDim: 2 }, 5);
  const targets = updateOf(module, attendHeads(module, NORMED, STARTS));
  const blind = { ...module, valueWeight: folded({ headDim: 2 }, 77).valueWeight };
  const fit = await fitHeads(TEXT, targetsOf(targets), [blind], pause);
  // Not 0: the ridge pulls values towards zero.
  assert(fit.residual < 0.02 * fit.energy, `${fit.residual} of ${fit.energy}`);
});

Deno.test("fitHeads() finds the constant where heads are to add nothing else", async () => {
  const targets = Float64Array.from({ length: TOKENS * 2 }, (_, i) => (i % 2 === 0 ? 3 : -1));
  const fit = await fitHeads(TEXT, targetsOf(targets), [folded({}, 5)], pause);
  assertClose(fit.bias, [3, -1], { atol: 1e-9, rtol: 0 });
  assertClose([fit.residual], [0], { atol: 1e-9, rtol: 0 });
});
