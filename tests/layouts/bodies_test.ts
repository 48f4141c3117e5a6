import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type BodyKind, canonicalModule, layOutModule } from "../../lib/layouts/bodies.ts";
import { layerUpdate } from "../../lib/merge/forward.ts";
import { assertClose } from "../_close.ts";
import { randomModule } from "../merge/_modules.ts";
import { originalUpdate, randomBody, randomRows, SIZES, type Sizes } from "./_modules.ts";

const KINDS: readonly BodyKind[] = ["joined", "split", "nemo"];

/** Compares the canonical module on valid tokens with the original on a padded sequence. */
function compare(
  kind: BodyKind,
  sizes: Sizes,
  seed: number,
  tokens: number,
  padding: number,
): void {
  const body = randomBody(kind, sizes, seed);
  const rows = randomRows(tokens + padding, sizes.hiddenSize, seed + 7);
  const isPadding = rows.map((_, i) => i >= tokens);
  const want = originalUpdate(kind, body, sizes, rows, isPadding).slice(0, tokens).flat();
  const module = canonicalModule(kind, body, sizes);
  const values = Float64Array.from(rows.slice(0, tokens).flat());
  const found = layerUpdate(module, { values, starts: [0, tokens] });
  const largest = Math.max(...want.map(Math.abs));
  assertClose(found, want, { atol: 1e-12 * largest, rtol: 1e-12 }, `${kind} seed ${seed}`);
}

Deno.test("canonicalModule() computes what the original does, padding or not", () => {
  for (const kind of KINDS) {
    for (const sizes of SIZES) {
      compare(kind, sizes, 1, 6, 0);
      compare(kind, sizes, 2, 4, 3);
      compare(kind, sizes, 3, 1, 2);
    }
  }
});

Deno.test("canonicalModule() computes what the original does, at any size", () => {
  const sizes = fc.record({
    hiddenSize: fc.integer({ min: 2, max: 12 }),
    numHeads: fc.integer({ min: 1, max: 5 }),
    headDim: fc.integer({ min: 1, max: 4 }),
  });
  const count = fc.integer({ min: 1, max: 6 });
  fc.assert(
    fc.property(
      fc.constantFrom(...KINDS),
      sizes,
      fc.integer({ min: 0, max: 1e6 }),
      count,
      fc.integer({ min: 0, max: 3 }),
      compare,
    ),
    { seed: 5, numRuns: 200 },
  );
});

Deno.test("canonicalModule() names a tensor that is not there", () => {
  const body = randomBody("joined", SIZES[1]!, 1);
  body.delete("linear2.bias");
  assertThrows(() => canonicalModule("joined", body, SIZES[1]!), TypeError, "linear2.bias");
});

Deno.test("layOutModule() and canonicalModule() give the module back, bit for bit", () => {
  for (const kind of ["joined", "nemo"] as const) {
    for (const sizes of SIZES) {
      const module = randomModule({ ...sizes, combine: "sum" }, 3);
      assertEquals(canonicalModule(kind, layOutModule(kind, module), sizes), module);
    }
  }
});

Deno.test("layOutModule() turns averaged heads into added ones", () => {
  const sizes = SIZES[2]!;
  const module = randomModule({ ...sizes, combine: "mean" }, 4);
  const rows = randomRows(5, sizes.hiddenSize, 9);
  const want = layerUpdate(module, { values: Float64Array.from(rows.flat()), starts: [0, 5] });
  for (const kind of ["joined", "nemo"] as const) {
    const body = layOutModule(kind, module);
    const found = originalUpdate(kind, body, sizes, rows, rows.map(() => false));
    assertClose(found.flat(), want, { atol: 1e-13, rtol: 1e-12 });
  }
});
