import { assertEquals, assertThrows } from "@std/assert";
import { bufferPitch, checkRange, checkRoom, type Room } from "../../../lib/compute/webgpu/room.ts";

const TEXTURES: Room = {
  family: "textures",
  precision: "f32",
  maxTextureSide: 64,
  maxBufferBytes: 1,
};
const BUFFERS: Room = { ...TEXTURES, family: "buffers", maxBufferBytes: 320 };
const HALVES: Room = { ...BUFFERS, precision: "f16" };

Deno.test("bufferPitch() pads rows to four columns of four or two bytes", () => {
  const pitch = (cols: number, type: "f32" | "f16") => bufferPitch({ rows: 1, cols, type });
  assertEquals([pitch(1, "f32"), pitch(4, "f32"), pitch(5, "f32")], [16, 16, 32]);
  assertEquals([pitch(1, "f16"), pitch(4, "f16"), pitch(5, "f16")], [8, 8, 16]);
});

Deno.test("checkRoom() accepts what fits just so, and refuses one row or column more", () => {
  const check = (room: Room, rows: number, cols: number, lasting = true) => () =>
    checkRoom(room, "matrix", { rows, cols, type: room.precision }, lasting);
  check(TEXTURES, 64, 256)();
  assertThrows(check(TEXTURES, 65, 256), RangeError, `"matrix" of shape [65, 256]`);
  assertThrows(check(TEXTURES, 64, 257), RangeError, "at most 64 rows and 256 columns");
  check(BUFFERS, 10, 8)(); // 32 bytes a row
  assertThrows(check(BUFFERS, 11, 8), RangeError, "its buffers hold 10 rows of it");
  check(BUFFERS, 11, 8, false)(); // a value is held as far as batches need it
  assertThrows(check(BUFFERS, 1, 81, false), RangeError, "hold 0 rows");
  check(HALVES, 20, 8)();
  assertThrows(check(HALVES, 21, 8), RangeError, "hold 20 rows");
});

Deno.test("checkRange() refuses numbers that are infinite in 16 bits, in f16 only", () => {
  const data = Float32Array.of(1, -65504, 65505);
  checkRange(BUFFERS, "weight", data);
  checkRange(HALVES, "weight", data.subarray(0, 2));
  assertThrows(() => checkRange(HALVES, "weight", data), RangeError, "element 2 is 65505");
});
