// The definition of `activation`.

import { activate } from "../../../lib/compute/ops/activation/reference.ts";
import { assertClose } from "../../_close.ts";

Deno.test("activate() applies the function to each number", () => {
  const x = Float64Array.of(-1, 0, 2);
  const [relu, tanh] = [activate(x, "relu"), activate(x, "tanh")];
  const [gelu, geluTanh] = [activate(x, "gelu"), activate(x, "geluTanh")];
  assertClose(relu, [0, 0, 2], { atol: 0, rtol: 0 });
  assertClose(tanh, [-0.7615941559557649, 0, 0.9640275800758169], { atol: 0, rtol: 1e-15 });
  // Φ(-1) = 0.15865525, Φ(2) = 0.97724987; the other by its formula.
  assertClose(gelu, [-0.15865525, 0, 1.95449974], { atol: 1e-8, rtol: 0 });
  assertClose(geluTanh, [-0.15880801, 0, 1.95459769], { atol: 1e-8, rtol: 0 });
});
