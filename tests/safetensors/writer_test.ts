import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type ErrorCode, SafetensorsError } from "../../lib/errors.ts";
import {
  compareUtf8,
  layoutFile,
  serialize,
  type TensorSpec,
} from "../../lib/safetensors/writer.ts";
import type { Dtype } from "../../lib/tensor/dtype.ts";
import { fileOf, type TensorWithData } from "./_files.ts";

function tensor(name: string, dtype: Dtype, shape: number[], ...data: number[]): TensorWithData {
  return { name, dtype, shape, data: Uint8Array.from(data) };
}

const ALIGNMENT = [
  tensor("h", "F16", [1], 1, 2),
  tensor("é", "U8", [3], 7, 8, 9),
  tensor("i", "I32", [], 3, 4, 5, 6),
  tensor("z", "BF16", [0, 4]),
];

// What Python's safetensors 0.8.0 wrote for the same input.
const GOLDEN: readonly [
  what: string,
  tensors: TensorWithData[],
  metadata: Map<string, string> | undefined,
  header: string,
  data: number[],
][] = [
  ["no tensor", [], undefined, "{}      ", []],
  [
    "one tensor",
    [tensor("w", "F32", [1, 2], 0, 1, 2, 3, 4, 5, 6, 7)],
    undefined,
    '{"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}',
    [0, 1, 2, 3, 4, 5, 6, 7],
  ],
  [
    "metadata",
    [tensor("w", "F32", [1, 2], 0, 1, 2, 3, 4, 5, 6, 7)],
    new Map([["format", "pt"]]),
    '{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}} ',
    [0, 1, 2, 3, 4, 5, 6, 7],
  ],
  [
    "F4",
    [tensor("q", "F4", [2, 4], 1, 2, 3, 4)],
    undefined,
    '{"q":{"dtype":"F4","shape":[2,4],"data_offsets":[0,4]}} ',
    [1, 2, 3, 4],
  ],
  [
    "wide dtypes first",
    ALIGNMENT,
    new Map([['a"\n', "\u2028\u{1f600}\x7f"]]),
    '{"__metadata__":{"a\\"\\n":"\u2028\u{1f600}\x7f"},' +
    '"i":{"dtype":"I32","shape":[],"data_offsets":[0,4]},' +
    '"z":{"dtype":"BF16","shape":[0,4],"data_offsets":[4,4]},' +
    '"h":{"dtype":"F16","shape":[1],"data_offsets":[4,6]},' +
    '"é":{"dtype":"U8","shape":[3],"data_offsets":[6,9]}}     ',
    [3, 4, 5, 6, 1, 2, 7, 8, 9],
  ],
];

for (const [what, tensors, metadata, header, data] of GOLDEN) {
  Deno.test(`serialize() writes the reference's bytes for ${what}`, () => {
    assertEquals(serialize(tensors, metadata), fileOf(header, Uint8Array.from(data)));
  });
}

Deno.test("serialize() starts an empty file with eight length bytes", () => {
  assertEquals([...serialize([])], [8, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d, 32, 32, 32, 32, 32, 32]);
});

Deno.test("serialize() does not depend on the order of its input", () => {
  assertEquals(serialize(ALIGNMENT.toReversed()), serialize(ALIGNMENT));
});

Deno.test("layoutFile() sorts metadata keys by their bytes and omits an empty map", () => {
  const metadata = new Map([["\u{10000}", "4"], ["\uffff", "3"], ["b", "2"], ["10", "1"]]);
  const json = new TextDecoder().decode(layoutFile([], metadata).headerBytes.subarray(8));
  assertEquals(
    json.trimEnd(),
    '{"__metadata__":{"10":"1","b":"2","\uffff":"3","\u{10000}":"4"}}',
  );
  assertEquals(layoutFile([], new Map()), layoutFile([]));
});

Deno.test("layoutFile() carries further fields of its input along in file order", () => {
  const specs = [
    { name: "a", dtype: "U8" as const, shape: [1], from: 1 },
    { name: "b", dtype: "U16" as const, shape: [1], from: 2 },
  ];
  assertEquals(layoutFile(specs).tensors.map(({ from }) => from), [2, 1]);
});

Deno.test("layoutFile() counts bytes beyond 32 bits", () => {
  const layout = layoutFile([
    { name: "a", dtype: "F32", shape: [2 ** 32] },
    { name: "b", dtype: "F32", shape: [1] },
  ]);
  assertEquals(layout.tensors[1]?.dataOffsets, [2 ** 34, 2 ** 34 + 4]);
  assertEquals(layout.byteLength, layout.headerBytes.length + 2 ** 34 + 4);
});

function specOf(overrides: Record<string, unknown>): TensorSpec {
  return { name: "w", dtype: "F32", shape: [1], ...overrides } as TensorSpec;
}

const REFUSED: readonly [what: string, specs: TensorSpec[], code: ErrorCode][] = [
  ["a tensor named __metadata__", [specOf({ name: "__metadata__" })], "invalid-tensor-name"],
  ["a lone surrogate in a name", [specOf({ name: "\ud800" })], "invalid-tensor-name"],
  ["a name that stands twice", [specOf({}), specOf({ dtype: "U8" })], "duplicate-key"],
  ["a dtype of another library", [specOf({ dtype: "float32" })], "unknown-dtype"],
  ["a negative dimension", [specOf({ shape: [-1] })], "invalid-tensor-view"],
  ["a fractional dimension", [specOf({ shape: [1.5] })], "invalid-tensor-view"],
  ["a dimension of 2^53", [specOf({ shape: [2 ** 53, 0] })], "dimension-too-large"],
  ["an overflow before a 0", [specOf({ shape: [2 ** 40, 2 ** 40, 0] })], "validation-overflow"],
  [
    "more bytes than can be counted",
    [specOf({ shape: [2 ** 30, 2 ** 30] })],
    "validation-overflow",
  ],
  ["three F4 elements", [specOf({ dtype: "F4", shape: [3] })], "misaligned-slice"],
  [
    "a file of more than 2^53 - 1 bytes",
    [specOf({ name: "a", shape: [2 ** 50] }), specOf({ name: "b", shape: [2 ** 50] })],
    "validation-overflow",
  ],
];

for (const [what, specs, code] of REFUSED) {
  Deno.test(`layoutFile() refuses ${what}`, () => {
    assertEquals(assertThrows(() => layoutFile(specs), SafetensorsError).code, code);
  });
}

Deno.test("layoutFile() refuses metadata that is not well-formed text", () => {
  for (const pair of [["a", 1], ["a", "\udc00"], ["\ud800", "b"], ["a", null]]) {
    const metadata = new Map([pair as [string, string]]);
    const error = assertThrows(() => layoutFile([], metadata), SafetensorsError);
    assertEquals(error.code, "invalid-metadata");
  }
});

Deno.test("layoutFile() refuses a header over the cap", () => {
  const metadata = new Map([["a", "x".repeat(100_000_000 - 24)]]);
  const error = assertThrows(() => layoutFile([], metadata), SafetensorsError);
  assertEquals(error.code, "header-too-large");
  metadata.set("a", "x".repeat(100_000_000 - 25));
  assertEquals(layoutFile([], metadata).headerBytes.length, 100_000_008);
});

Deno.test("serialize() refuses data of another length than the shape's", () => {
  for (const length of [3, 5]) {
    const spec = { name: "w", dtype: "F32" as const, shape: [1], data: new Uint8Array(length) };
    const error = assertThrows(() => serialize([spec]), SafetensorsError);
    assertEquals([error.code, error.tensor], ["invalid-tensor-view", "w"]);
  }
});

Deno.test("compareUtf8() orders strings as their encoded bytes", () => {
  const encode = (text: string) => new TextEncoder().encode(text);
  const compareBytes = (a: Uint8Array, b: Uint8Array) => {
    const at = a.findIndex((byte, i) => byte !== b[i]);
    return at < 0 ? a.length - b.length : b[at] === undefined ? 1 : a[at]! - b[at]!;
  };
  const text = fc.array(fc.constantFrom("a", "é", "\ud7ff", "\ue000", "\uffff", "\u{10000}", "\0"))
    .map((parts) => parts.join(""));
  fc.assert(
    fc.property(text, text, (a, b) => {
      assertEquals(Math.sign(compareUtf8(a, b)), Math.sign(compareBytes(encode(a), encode(b))));
    }),
    { seed: 1, numRuns: 2000 },
  );
  assert(compareUtf8("\uffff", "\u{10000}") < 0 && "\uffff" > "\u{10000}");
});
