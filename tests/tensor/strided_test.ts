import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { type ByteSource, MemorySource } from "../../lib/tensor/byte_source.ts";
import { elementCount } from "../../lib/tensor/shape.ts";
import {
  denseStrides,
  stridedFault,
  StridedSource,
  type StridedTensor,
} from "../../lib/tensor/strided.ts";
import { indices } from "./_strides.ts";

/** A storage whose bytes differ, by position. */
function storageOf(byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i * 167 + (i >> 8) * 13) & 255);
}

function wanted(tensor: Omit<StridedTensor, "storage">, bytes: Uint8Array, width: number) {
  const { shape, strides, offset, bigEndian } = tensor;
  return Uint8Array.from(
    indices(shape, strides, offset).flatMap((at) => {
      const element = [...bytes.subarray(at * width, (at + 1) * width)];
      return bigEndian ? element.reverse() : element;
    }),
  );
}

const WIDTHS = [["U8", 1], ["BF16", 2], ["F32", 4], ["F64", 8]] as const;

const views = fc.record({
  type: fc.constantFrom(...WIDTHS),
  dims: fc.array(fc.record({ size: fc.nat(5), stride: fc.nat(40) }), { maxLength: 4 }),
  offset: fc.nat(20),
  bigEndian: fc.boolean(),
  cut: fc.tuple(
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  ),
});

Deno.test("StridedSource gives the elements in C order, any range of them", async () => {
  await fc.assert(
    fc.asyncProperty(views, async ({ type: [dtype, width], dims, offset, bigEndian, cut }) => {
      const shape = dims.map(({ size }) => size);
      const strides = dims.map(({ stride }) => stride);
      const view = { dtype, shape, strides, offset, bigEndian };
      const length = elementCount(shape) === 0
        ? 0
        : 1 + Math.max(...indices(shape, strides, offset));
      const bytes = storageOf(length * width);
      const tensor = { ...view, storage: new MemorySource(bytes) };
      assertEquals(stridedFault(tensor), undefined);
      const source = new StridedSource(tensor);
      const want = wanted(view, bytes, width);
      assertEquals(await source.read(0, source.byteLength), want);
      const [begin, end] = cut.map((at) => Math.floor(at * want.length)).sort((a, b) => a - b) as [
        number,
        number,
      ];
      assertEquals(await source.read(begin, end), want.slice(begin, end));
      if (length > 0) {
        const short = new MemorySource(bytes.subarray(0, -1));
        assert(stridedFault({ ...tensor, storage: short })?.includes("it ends at byte"));
      }
    }),
    { seed: 5, numRuns: 300 },
  );
});

Deno.test("StridedSource turns each half of a complex number in a big-endian storage", async () => {
  const storage = new MemorySource(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  const tensor = {
    dtype: "C64",
    shape: [1],
    strides: [1],
    offset: 0,
    bigEndian: true,
    storage,
  } as const;
  assertEquals(await new StridedSource(tensor).read(0, 8), Uint8Array.of(4, 3, 2, 1, 8, 7, 6, 5));
  // Not from the first byte of an element.
  assertEquals(await new StridedSource(tensor).read(1, 6), Uint8Array.of(3, 2, 1, 8, 7));
});

Deno.test("StridedSource gathers tensors larger than its block in bounded reads", async () => {
  // 48 MiB, transposed: more than one block of 16 MiB and more than a window of 8 MiB.
  const [rows, columns] = [3 << 11, 1 << 11];
  const numbers = Uint32Array.from({ length: rows * columns }, (_, i) => i);
  let longest = 0;
  let total = 0;
  const memory = new MemorySource(new Uint8Array(numbers.buffer));
  const storage: ByteSource = {
    byteLength: memory.byteLength,
    read: (begin, end) => memory.read(begin, end),
    readInto(begin, target) {
      longest = Math.max(longest, target.byteLength);
      total += target.byteLength;
      return memory.readInto(begin, target);
    },
  };
  const tensor = {
    dtype: "U32",
    shape: [rows, columns],
    strides: [1, rows],
    offset: 0,
    bigEndian: false,
    storage,
  } as const;
  const source = new StridedSource(tensor);
  for (let begin = 0; begin < source.byteLength; begin += 4 << 20) {
    const part = new Uint32Array((await source.read(begin, begin + (4 << 20))).buffer);
    for (let i = 0; i < part.length; i += 997) {
      const at = begin / 4 + i;
      const want = Math.floor(at / columns) + (at % columns) * rows;
      if (part[i] !== want) assertEquals(part[i], want, `element ${at}`);
    }
  }
  assert(longest <= 8 << 20, `one read of ${longest} bytes`);
  assert(total <= 5 * source.byteLength, `${total} bytes read`);
});

Deno.test("StridedSource reads little beside what it needs", async () => {
  // 16 MiB of a transposed storage of 384 MiB, whose unit at n is n.
  const [size, columns] = [2048, 48 << 10];
  let total = 0;
  const storage: ByteSource = {
    byteLength: 4 * size * columns,
    read: () => Promise.reject(new RangeError("Cannot read into a new buffer")),
    readInto(begin, target) {
      total += target.byteLength;
      const units = new Uint32Array(target.buffer, target.byteOffset, target.byteLength / 4);
      for (let i = 0; i < units.length; i++) units[i] = begin / 4 + i;
      return Promise.resolve();
    },
  };
  const view = { dtype: "I32", shape: [size, size], strides: [1, columns], offset: 5 } as const;
  const source = new StridedSource({ ...view, bigEndian: false, storage });
  const units = new Uint32Array((await source.read(0, source.byteLength)).buffer);
  for (const [row, column] of [[0, 0], [1, 2], [2047, 2047]] as const) {
    assertEquals(units[row * size + column], 5 + row + column * columns);
  }
  assert(total <= 4 * source.byteLength, `${total} bytes read`);
});

Deno.test("StridedSource repeats one element without reading it often", async () => {
  const storage = new MemorySource(Uint8Array.of(9, 8));
  const tensor = {
    dtype: "U16",
    shape: [1000, 1000],
    strides: [0, 0],
    offset: 0,
    storage,
  } as const;
  const bytes = await new StridedSource({ ...tensor, bigEndian: false }).read(0, 2_000_000);
  assert(bytes.every((byte, i) => byte === 9 - i % 2));
});

Deno.test("stridedFault() names shapes and strides that make no sense", () => {
  const fault = (shape: number[], strides: number[], offset = 0) =>
    stridedFault({
      dtype: "F32",
      shape,
      strides,
      offset,
      bigEndian: false,
      storage: new MemorySource(new Uint8Array(16)),
    }) ?? "none";
  assertEquals(fault([4], [1]), "none");
  assertEquals(fault([], [], 3), "none");
  assertEquals(fault([0, 99], [5, 5], 7), "none");
  assertStringIncludes(fault([5], [1]), "it ends at byte 20");
  assertStringIncludes(fault([], [], 4), "it ends at byte 20");
  assertStringIncludes(fault([2], [1, 1]), "do not fit");
  assertStringIncludes(fault([2], [-1], 1), "out of range");
  assertStringIncludes(fault([-2], [1]), "out of range");
  assertStringIncludes(fault([1.5], [1]), "out of range");
  assertStringIncludes(fault([2 ** 53], [1]), "out of range");
  assertStringIncludes(fault([2 ** 30, 2 ** 30], [0, 0]), "expected at most 2^53 - 1");
  // In doubles the end would lose its last bits.
  assertStringIncludes(fault([3], [2 ** 52 + 1]), "it ends at byte 36028797018963980");
  const ones = new Array(100_000).fill(1);
  assertStringIncludes(fault(ones, ones), "100000 dimensions");
});

Deno.test("denseStrides() of C and Fortran order", () => {
  assertEquals(denseStrides([2, 3, 4], "C"), [12, 4, 1]);
  assertEquals(denseStrides([2, 3, 4], "F"), [1, 2, 6]);
  assertEquals(denseStrides([], "C"), []);
  assertEquals(denseStrides([2, 0, 4], "C"), [4, 4, 1]);
});
