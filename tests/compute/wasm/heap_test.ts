import { assertEquals, assertThrows } from "@std/assert";
import { Heap } from "../../../lib/compute/wasm/heap.ts";
import { packPanels, padVector } from "../../../lib/compute/wasm/pack.ts";
import { DeviceError } from "../../../lib/errors.ts";

Deno.test("Heap keeps what it holds while it grows, and its first bytes for itself", () => {
  const heap = new Heap(100);
  const first = heap.take("first", 64);
  assertEquals(first >= 100 && first % 64 === 0, true);
  const before = heap.floats(first, 16);
  before.fill(3);
  const second = heap.take("second", 40 << 20);
  assertEquals(heap.floats(first, 16), before);
  assertEquals(heap.floats(second + (40 << 20) - 4, 1)[0], 0);
  assertEquals(heap.takenBytes, 64 + (40 << 20));
});

Deno.test("take() gives zeros again after give()", () => {
  const heap = new Heap(100);
  const first = heap.take("first", 4096);
  heap.floats(first, 1024).fill(3);
  heap.give(first);
  const again = heap.take("again", 4096);
  assertEquals(again, first);
  assertEquals(heap.floats(again, 1024).every((x) => x === 0), true);
});

Deno.test("take() names what does not fit, and how much is in use", () => {
  const heap = new Heap(100);
  heap.take("small", 128);
  const error = assertThrows(() => heap.take("huge", 2 ** 32), DeviceError, '"huge" of 4294967296');
  assertEquals(error.code, "out-of-memory");
  assertEquals(error.message.includes("128 bytes are in use"), true);
});

Deno.test("packPanels() lays eight rows side by side, padVector() fills up with zeros", () => {
  const heap = new Heap(100);
  const data = Float32Array.from({ length: 18 }, (_, i) => 10 * Math.floor(i / 2) + i % 2);
  const panels = packPanels(heap, { label: "w", rows: 9, cols: 2 }, data);
  const zeros = [0, 0, 0, 0, 0, 0, 0];
  assertEquals([...heap.floats(panels, 32)], [
    ...[0, 10, 20, 30, 40, 50, 60, 70], // column 0 of rows 0 to 7
    ...[1, 11, 21, 31, 41, 51, 61, 71],
    ...[80, ...zeros],
    ...[81, ...zeros],
  ]);
  const vector = padVector(heap, "b", Float32Array.of(1, 2, 3));
  assertEquals([...heap.floats(vector, 8)], [1, 2, 3, 0, 0, 0, 0, 0]);
});
