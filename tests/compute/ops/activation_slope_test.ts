// The definition of an activation's slope against differences of `activation`.

import { assertEquals } from "@std/assert";
import { activate, slopes } from "../../../lib/compute/ops/activation/reference.ts";
import { multiply } from "../../../lib/compute/ops/multiply/reference.ts";
import { assertClose } from "../../_close.ts";
import { noise } from "../../_noise.ts";
import { DIFFERENCE_TOLERANCE, gradientByDifferences } from "../_differences.ts";

for (const activation of ["gelu", "geluTanh", "relu", "tanh"] as const) {
  Deno.test(`slopes() times a gradient takes it back through ${activation}`, () => {
    const x = Float64Array.from([...noise(37, { seed: 1, scale: 2 }), -6, 6, 0.001]);
    const dy = Float64Array.from(noise(x.length, { seed: 2 }));
    const want = gradientByDifferences((x) => activate(x, activation), x, dy);
    assertClose(multiply(dy, slopes(x, activation)), want, DIFFERENCE_TOLERANCE);
  });
}

Deno.test("slopes() takes relu's derivative at 0 to be 0", () => {
  assertEquals(slopes(Float64Array.of(-1, 0, 1), "relu"), Float64Array.of(0, 0, 1));
});

Deno.test("slopes() gives the known slopes at 0", () => {
  const slopeAt0 = (activation: "gelu" | "geluTanh" | "tanh") =>
    slopes(Float64Array.of(0), activation)[0];
  assertEquals([slopeAt0("gelu"), slopeAt0("geluTanh"), slopeAt0("tanh")], [0.5, 0.5, 1]);
});
