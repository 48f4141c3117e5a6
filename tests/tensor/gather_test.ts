import { assert, assertEquals } from "@std/assert";
import { boxesOfRange } from "../../lib/tensor/gather.ts";
import { indices } from "./_strides.ts";

Deno.test("boxesOfRange() divides a range into few boxes", () => {
  // Elements 1 to 10 of [2, 2, 3]: a row's end, a row, half of the other side.
  const boxes = boxesOfRange([2, 2, 3], [6, 3, 1], 1, 11);
  const covered = boxes.flatMap(({ dims, from, to }) =>
    indices(dims.map(({ size }) => size), dims.map(({ stride }) => stride), from).map((at, i) => [
      at,
      indices(dims.map(({ size }) => size), dims.map(({ step }) => step), to)[i],
    ])
  );
  assertEquals(covered, Array.from({ length: 10 }, (_, i) => [i + 1, i]));
  assert(boxes.length <= 7);
});
