import { assertEquals } from "@std/assert";
import { classify, classifyBack } from "../../lib/train/classifier.ts";

const CLASSIFIER = { weight: Float32Array.of(1, 2, 3, 4), bias: Float32Array.of(10, 20) };
const HIDDEN = Float32Array.of(1, 1, 2, -1);

Deno.test("classify() multiplies what dropout left of the states", () => {
  assertEquals([...classify(HIDDEN, CLASSIFIER)], [13, 27, 10, 22]);
  const factors = Float64Array.of(2, 0, 0, 2);
  assertEquals([...classify(HIDDEN, CLASSIFIER, factors)], [12, 26, 6, 12]);
});

Deno.test("classifyBack() adds to the classifier's gradients and goes back through dropout", () => {
  const factors = Float64Array.of(2, 0, 0, 2);
  const into = { weight: new Float64Array(4), bias: Float64Array.of(100, 0) };
  // Of the loss 1·y00 + 3·y10 + 5·y11, with y the logits above.
  const gradient = Float64Array.of(1, 0, 3, 5);
  const back = classifyBack(gradient, HIDDEN, CLASSIFIER, factors, into);
  assertEquals([...into.bias], [104, 5]);
  assertEquals([...into.weight], [2, -6, 0, -10]);
  assertEquals([...back], [2, 0, 0, 2 * (3 * 2 + 5 * 4)]);
});
