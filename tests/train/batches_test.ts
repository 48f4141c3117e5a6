import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { batchesOfEpoch, stepsPerEpoch } from "../../lib/train/batches.ts";
import { seededRandom } from "../_noise.ts";

const random = seededRandom(3);
const LENGTHS = Array.from({ length: 1234 }, () => 1 + Math.floor(random() * 100));
const ORDER = { lengths: LENGTHS, batch: 8, seed: 5 };

Deno.test("batchesOfEpoch() deals out every row once, in steps that are full but for one", () => {
  const batches = batchesOfEpoch(ORDER, 0);
  assertEquals(batches.flat().sort((a, b) => a - b), LENGTHS.map((_, row) => row));
  assertEquals(batches.length, stepsPerEpoch(1234, 8));
  assertEquals(batches.filter(({ length }) => length !== 8).map(({ length }) => length), [2]);
});

Deno.test("batchesOfEpoch() puts rows of like length into a step", () => {
  const spread = batchesOfEpoch(ORDER, 0).map((rows) => {
    const lengths = rows.map((row) => LENGTHS[row]!);
    return Math.max(...lengths) - Math.min(...lengths);
  });
  const mean = spread.reduce((a, b) => a + b) / spread.length;
  assert(mean < 5, `${mean}`); // 50 steps cover lengths 1 to 100; by chance it would be about 80
});

Deno.test("batchesOfEpoch() repeats a pass by its seed, and orders each pass anew", () => {
  assertEquals(batchesOfEpoch(ORDER, 1), batchesOfEpoch(ORDER, 1));
  assertNotEquals(batchesOfEpoch(ORDER, 0), batchesOfEpoch(ORDER, 1));
  assertNotEquals(batchesOfEpoch(ORDER, 0), batchesOfEpoch({ ...ORDER, seed: 6 }, 0));
});
