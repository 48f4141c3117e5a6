// The definition of `activationBackward` against differences of `activation`.

import { assertEquals } from "@std/assert";
import { activate } from "../../../lib/compute/ops/activation/reference.ts";
import { activationBackward } from "../../../lib/compute/ops/activation_backward/reference.ts";
import { assertClose } from "../../_close.ts";
import { noise } from "../../_noise.ts";
import { DIFFERENCE_TOLERANCE, gradientByDifferences } from "../_differences.ts";

for (const activation of ["gelu", "geluTanh", "relu", "tanh"] as const) {
  Deno.test(`activationBackward() is the derivative of ${activation}`, () => {
    const x = Float64Array.from([...noise(37, { seed: 1, scale: 2 }), -6, 6, 0.001]);
    const dy = Float64Array.from(noise(x.length, { seed: 2 }));
    const want = gradientByDifferences((x) => activate(x, activation), x, dy);
    assertClose(activationBackward(x, dy, activation), want, DIFFERENCE_TOLERANCE);
  });
}

Deno.test("activationBackward() takes relu's derivative at 0 to be 0", () => {
  const dx = activationBackward(Float64Array.of(-1, 0, 1), Float64Array.of(5, 6, 7), "relu");
  assertEquals(dx, Float64Array.of(0, 0, 7));
});

Deno.test("activationBackward() gives the known slopes at 0", () => {
  const slopeAt0 = (activation: "gelu" | "geluTanh" | "tanh") =>
    activationBackward(Float64Array.of(0), Float64Array.of(3), activation)[0];
  assertEquals([slopeAt0("gelu"), slopeAt0("geluTanh"), slopeAt0("tanh")], [1.5, 1.5, 3]);
});
