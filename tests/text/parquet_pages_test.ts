import { assertEquals, assertStringIncludes } from "@std/assert";
import { checkPages } from "../../lib/text/parquet_pages.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";

const PLAIN = 0;
const DELTA_BINARY_PACKED = 5;
const DELTA_BYTE_ARRAY = 7;
const RLE_DICTIONARY = 8;
const BILLION = 1_000_000_000;

/** A whole number in groups of seven bits, the lowest first. */
function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];
}

/** A 32-bit field of Thrift's compact protocol that follows on the one before; zigzag. */
function field(value: number, step = 1): number[] {
  return [step * 16 + 5, ...varint(value < 0 ? -2 * value - 1 : 2 * value)];
}

/** A page with its header: version 1, whose values have no levels. */
function page(count: number, encoding: number, values: readonly number[]): number[] {
  const sizes = [...field(0), ...field(values.length), ...field(values.length)];
  const inner = [...field(count), ...field(encoding), ...field(3), ...field(3), 0];
  return [...sizes, 0x2c, ...inner, 0, ...values];
}

/** The same of version 2. */
function pageTwo(count: number, nulls: number): number[] {
  const sizes = [...field(3), ...field(0), ...field(0)];
  const inner = [...field(count), ...field(nulls), ...field(count), ...field(PLAIN)];
  return [...sizes, 0x5c, ...inner, ...field(0), ...field(0), 0, 0];
}

/** The lengths of texts as differences: a first one, and equal ones behind it. */
function lengths(first: number, count: number): number[] {
  return [...varint(128), ...varint(4), ...varint(count), ...varint(2 * first), 0, 0, 0, 0, 0];
}

async function faultOf(bytes: readonly number[], values = 8): Promise<string | undefined> {
  const source = new MemorySource(Uint8Array.from(bytes));
  const length = BigInt(bytes.length);
  const column = {
    codec: "UNCOMPRESSED",
    "num_values": BigInt(values),
    "total_compressed_size": length,
    "data_page_offset": 0n,
  };
  const levels = { repetition: 0, definition: 0 };
  const tools = { compressors: {}, refuse: (found: string) => new Error(found) };
  const start = performance.now();
  const checking = () => checkPages(source, column, levels, tools);
  const fault = await checking().then(() => undefined, (error: Error) => error.message);
  assertEquals(performance.now() - start < 2000, true, "it took long");
  return fault;
}

Deno.test("checkPages() passes pages of every kind", async () => {
  const good = [
    page(2, PLAIN, [1, 0, 0, 0, 97, 0, 0, 0, 0]),
    page(8, RLE_DICTIONARY, [1, 8 << 1, 1]),
    page(8, RLE_DICTIONARY, [3, 1 << 1 | 1, 0x88, 0xc6, 0xfa]),
    page(3, DELTA_BYTE_ARRAY, [...lengths(0, 3), ...lengths(1, 3), 97, 98, 99]),
    page(3, DELTA_BINARY_PACKED, lengths(7, 3)),
    pageTwo(0, 0),
    [...page(4, RLE_DICTIONARY, [1, 4 << 1, 1]), ...page(4, RLE_DICTIONARY, [1, 4 << 1, 0])],
  ];
  for (const [i, bytes] of good.entries()) assertEquals(await faultOf(bytes), undefined, `${i}`);
});

const HOSTILE: [name: string, bytes: number[], found: string, values?: number][] = [
  ["more values than the footer says", page(9, PLAIN, []), "a page's count of values is 9"],
  ["more values in all", [...pageTwo(5, 0), ...pageTwo(5, 0)], "is 5, out of 0 to 3"],
  ["billions of values", page(BILLION, PLAIN, []), "count of values", 2 * BILLION],
  ["fewer nulls than none", pageTwo(8, -BILLION), "count of nulls"],
  ["a long run of equal values", page(8, RLE_DICTIONARY, [1, ...varint(2 * BILLION), 1]), "a run"],
  ["a long run of packed ones", page(8, RLE_DICTIONARY, [0, ...varint(BILLION + 1)]), "a run"],
  ["blocks without parts", page(8, DELTA_BINARY_PACKED, [128, 1, 0, 8, 0]), "has no parts"],
  ["blocks of a billion", page(8, DELTA_BINARY_PACKED, [...varint(BILLION), 4, 8, 0]), "a block"],
  [
    "texts that together fill all memory",
    page(8, DELTA_BYTE_ARRAY, [...lengths(100_000_000, 8), ...lengths(0, 8)]),
    "the length of a page's texts is 800000000",
  ],
  [
    "texts of negative length",
    page(8, DELTA_BYTE_ARRAY, [128, 1, 4, 8, 1, 0, 0, 0, 0, 0, ...lengths(0, 8)]),
    "the length of a page's texts",
  ],
];

for (const [name, bytes, found, values] of HOSTILE) {
  Deno.test(`checkPages() refuses ${name}`, async () => {
    assertStringIncludes(await faultOf(bytes, values) ?? "nothing", found);
  });
}
