import { assertAlmostEquals, assertEquals } from "@std/assert";
import { AdamW, clipGradients } from "../../lib/train/optimizer.ts";
import { assertClose } from "../_close.ts";

function parameter(values: number[], decays = true) {
  return {
    name: "w",
    shape: [values.length],
    values: Float32Array.from(values),
    gradient: new Float64Array(values.length),
    decays,
  };
}

Deno.test("AdamW takes PyTorch's steps", () => {
  const p = parameter([1, -2, 0.5]);
  const optimizer = new AdamW([p]);
  for (const gradient of [[0.1, -3, 0], [0.2, 1, 1e-9], [-0.4, 2, 0]]) {
    p.gradient.set(gradient);
    optimizer.step({ learningRate: 0.01, weightDecay: 0.1 });
  }
  // torch.optim.AdamW([w], lr=0.01, weight_decay=0.1) in f64 after the same gradients.
  assertClose(p.values, [0.979318767, -1.98083078, 0.497696466], { atol: 0, rtol: 1e-6 });
  assertEquals(optimizer.steps, 3);
});

Deno.test("AdamW moves by the learning rate in its first step, whatever the gradient's size", () => {
  const p = parameter([0, 0]);
  p.gradient.set([1e-4, -1e4]);
  new AdamW([p]).step({ learningRate: 0.5, weightDecay: 0 });
  assertClose(p.values, [-0.5, 0.5], { atol: 1e-4, rtol: 0 });
});

Deno.test("AdamW lets decay only what decays, apart from the gradient", () => {
  const [decaying, lasting] = [parameter([2]), parameter([2], false)];
  new AdamW([decaying, lasting]).step({ learningRate: 0.1, weightDecay: 0.5 });
  assertAlmostEquals(decaying.values[0]!, 1.9, 1e-6);
  assertEquals(lasting.values[0], 2);
});

Deno.test("clipGradients() leaves a short gradient as it is, and any one at 0", () => {
  const gradients = [Float64Array.of(0.3), Float64Array.of(0.4)];
  assertAlmostEquals(clipGradients(gradients, 1), 0.5, 1e-12);
  assertEquals(gradients, [Float64Array.of(0.3), Float64Array.of(0.4)]);
  const long = [Float64Array.of(300, 400)];
  assertEquals(clipGradients(long, 0), 500);
  assertEquals(long, [Float64Array.of(300, 400)]);
});

Deno.test("clipGradients() scales all by one factor to the largest norm", () => {
  const gradients = [Float64Array.of(3, 0), Float64Array.of(-4)];
  assertEquals(clipGradients(gradients, 2), 5);
  assertClose([...gradients[0]!, ...gradients[1]!], [1.2, 0, -1.6], { atol: 1e-6, rtol: 0 });
});
