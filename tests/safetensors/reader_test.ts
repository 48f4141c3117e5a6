import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { SafetensorsError } from "../../lib/errors.ts";
import { checkSource, readHeader } from "../../lib/safetensors/reader.ts";
import type { ByteSource } from "../../lib/tensor/byte_source.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { entry, faultCodes, fileOf, warningCodes } from "./_files.ts";

function bytes(...values: number[]): Uint8Array {
  return Uint8Array.from(values);
}

/** A file with one F32 [2] tensor "w". */
const VALID = fileOf(`{${entry("w", "F32", "[2]", 0, 8)}}  `, 8);

function read(file: Uint8Array) {
  return readHeader(new MemorySource(file), { path: "a.safetensors" });
}

async function refusal(file: Uint8Array): Promise<SafetensorsError> {
  return await assertRejects(() => read(file), SafetensorsError);
}

Deno.test("readHeader() reads tensors, metadata and where the data starts", async () => {
  const json = `{${entry("b", "U8", "[]", 8, 9)},"__metadata__":{"z":"1","0":"é"},` +
    `${entry("a", "F32", "[1,2]", 0, 8)}}`;
  const header = await read(fileOf(json, 9));
  assertEquals([...header.tensors], [
    ["a", { dtype: "F32", shape: [1, 2], dataOffsets: [0, 8] }],
    ["b", { dtype: "U8", shape: [], dataOffsets: [8, 9] }],
  ]);
  assertEquals([...header.metadata], [["z", "1"], ["0", "é"]]);
  assertEquals(header.headerLength, new TextEncoder().encode(json).length);
  assertEquals(header.dataStart, header.headerLength + 8);
});

Deno.test("readHeader() names path, tensor and code in its error", async () => {
  const error = await refusal(fileOf(`{${entry("w", "F32", "[3]", 0, 8)}}`, 8));
  assertEquals([error.code, error.path, error.tensor], [
    "tensor-invalid-info",
    "a.safetensors",
    "w",
  ]);
  assertStringIncludes(error.message, 'Cannot read tensor "w" of "a.safetensors": ');
  assertStringIncludes(error.message, "span 8 bytes, expected 12 for F32 [3]");
});

const tiled = (...entries: string[]) => `{${entries.join(",")}}`;

// Each rule with the code of the reference's variant, in the order of the rules.
const RULES: readonly [what: string, file: Uint8Array, codes: string[]][] = [
  ["1: an empty file", bytes(), ["header-too-small"]],
  ["1: seven bytes", bytes(2, 0, 0, 0, 0, 0, 0), ["header-too-small"]],
  ["2: upstream's huge length", bytes(0x3c, 0, 0, 0, 0, 255, 255, 255), ["header-too-large"]],
  ["2: one over the cap", bytes(0x01, 0xe1, 0xf5, 0x05, 0, 0, 0, 0), ["header-too-large"]],
  ["3: exactly the cap", bytes(0x00, 0xe1, 0xf5, 0x05, 0, 0, 0, 0), ["invalid-header-length"]],
  ["3: a length and nothing", bytes(0x3c, 0, 0, 0, 0, 0, 0, 0), ["invalid-header-length"]],
  ["4: the byte ff", fileOf(bytes(0xff)), ["invalid-header"]],
  ["4: an overlong form", fileOf(bytes(0x7b, 0xc0, 0x80, 0x7d)), ["invalid-header"]],
  ["4: an encoded surrogate", fileOf(bytes(0xed, 0xa0, 0x80)), ["invalid-header"]],
  ["5: a brace", fileOf("{"), ["invalid-header-deserialization"]],
  ["5: no header at all", fileOf(""), ["invalid-header-deserialization"]],
  ["5: an array", fileOf("[]"), ["invalid-header-deserialization"]],
  ["5: two values", fileOf("{}{}"), ["invalid-header-deserialization"]],
  ["5: a null entry", fileOf('{"w":null}'), ["invalid-header-deserialization"]],
  [
    "5: no fields",
    fileOf('{"w":{}}'),
    Array<string>(3).fill("invalid-header-deserialization"),
  ],
  [
    "5: three offsets",
    fileOf('{"w":{"dtype":"U8","shape":[],"data_offsets":[0,1,2]}}', 1),
    ["invalid-header-deserialization"],
  ],
  ["5: a lower-case dtype", fileOf(tiled(entry("w", "f32", "[2]", 0, 8)), 8), ["unknown-dtype"]],
  ["5: huggingface.js's E8M0", fileOf(tiled(entry("w", "E8M0", "[1]", 0, 1)), 1), [
    "unknown-dtype",
  ]],
  ["6: a hole at the start", fileOf(tiled(entry("w", "U8", "[1]", 1, 2)), 2), ["invalid-offset"]],
  [
    "6: a hole",
    fileOf(tiled(entry("a", "U8", "[1]", 0, 1), entry("b", "U8", "[1]", 2, 3)), 3),
    ["invalid-offset"],
  ],
  [
    "6: an overlap",
    fileOf(tiled(entry("a", "U8", "[2]", 0, 2), entry("b", "U8", "[2]", 1, 3)), 3),
    ["invalid-offset"],
  ],
  [
    "6: ten tensors on one range",
    fileOf(
      tiled(...Array.from({ length: 10 }, (_, i) => entry(`t${i}`, "I32", "[2,2]", 0, 16))),
      16,
    ),
    Array<string>(9).fill("invalid-offset"),
  ],
  [
    "6: an end before its beginning",
    fileOf(tiled(entry("w", "U8", "[0]", 0, 4), entry("x", "U8", "[0]", 4, 2)), 4),
    ["tensor-invalid-info", "invalid-offset", "tensor-invalid-info"],
  ],
  [
    "6: an empty tensor inside another",
    fileOf(tiled(entry("a", "U8", "[2]", 0, 2), entry("b", "U8", "[0]", 1, 1)), 2),
    ["invalid-offset"],
  ],
  [
    "7: upstream's overflowing shape",
    fileOf(tiled(entry("w", "I32", "[2,18446744073709551614]", 0, 16)), 16),
    ["validation-overflow"],
  ],
  [
    "7: upstream's shape that overflows with its dtype",
    fileOf(tiled(entry("w", "I32", "[2,9223372036854775807]", 0, 16)), 16),
    ["validation-overflow"],
  ],
  [
    "7: an overflow before a 0",
    fileOf(tiled(entry("w", "U8", "[4294967296,4294967296,0]", 0, 0))),
    ["validation-overflow"],
  ],
  ["8: three F4 elements", fileOf(tiled(entry("w", "F4", "[1,3]", 0, 2)), 2), ["misaligned-slice"]],
  ["8: two F6 elements", fileOf(tiled(entry("w", "F6_E2M3", "[2]", 0, 2)), 2), [
    "misaligned-slice",
  ]],
  ["9: I32 [2, 2] with four bytes", fileOf(tiled(entry("w", "I32", "[2,2]", 0, 4)), 4), [
    "tensor-invalid-info",
  ]],
  ["10: two bytes missing", VALID.slice(0, -2), ["metadata-incomplete-buffer"]],
  ["10: 34 bytes extra", fileOf(tiled(entry("w", "F32", "[2]", 0, 8)), 42), [
    "metadata-incomplete-buffer",
  ]],
  ["10: no tensor but data", fileOf("{}", 1), ["metadata-incomplete-buffer"]],
  [
    "own: a dimension over 2^53 - 1",
    fileOf(tiled(entry("w", "U8", "[0,9007199254740993]", 0, 0))),
    ["dimension-too-large"],
  ],
];

for (const [what, file, codes] of RULES) {
  Deno.test(`readHeader() and checkSource() refuse by rule ${what}`, async () => {
    assertEquals(await faultCodes(file), codes);
    assertEquals((await refusal(file)).code as string, codes[0]);
  });
}

Deno.test("checkSource() goes on after a fault and lists all in the rules' order", async () => {
  // First a wrong size, then a hole, then F4 off the byte, then an overlap, then a short file.
  const json = tiled(
    entry("late", "U8", "[4]", 18, 22),
    entry("size", "F32", "[2]", 0, 4),
    entry("hole", "U8", "[4]", 8, 12),
    entry("nibble", "F4", "[3]", 12, 14),
    entry("long", "U8", "[6]", 14, 20),
  );
  const report = await checkSource(new MemorySource(fileOf(json, 20)));
  assertEquals(report.faults.map(({ code, tensor }) => [code, tensor]), [
    ["tensor-invalid-info", "size"],
    ["invalid-offset", "hole"],
    ["misaligned-slice", "nibble"],
    ["invalid-offset", "late"],
    ["metadata-incomplete-buffer", undefined],
  ]);
  assertEquals(report.header, undefined);
  assertStringIncludes(report.faults[1]!.message, 'behind tensor "size" at [0, 4]: a hole');
  assertStringIncludes(report.faults[3]!.message, 'behind tensor "long" at [14, 20]: an overlap');
  assertStringIncludes(report.faults[4]!.message, "truncated: 2 bytes missing");
});

Deno.test("checkSource() lists type faults in the text's order and still checks sizes", async () => {
  const json = '{"a":{"dtype":"F33","shape":[2.0],"data_offsets":[0,8]},' +
    '"a":{"dtype":"U8","shape":[3],"data_offsets":[8,9]},"__metadata__":{"k":1}}';
  const { faults } = await checkSource(new MemorySource(fileOf(json, 9)));
  assertEquals(faults.map(({ code }) => code), [
    "unknown-dtype",
    "invalid-header-deserialization",
    "duplicate-key",
    "invalid-header-deserialization",
    "tensor-invalid-info",
  ]);
  // Byte positions are the file's: eight length bytes come first.
  assertStringIncludes(faults[0]!.message, `at byte ${8 + json.indexOf('"F33"')} of the file`);
  assertStringIncludes(faults[1]!.message, `at byte ${8 + json.indexOf("2.0")} of the file`);
  assertStringIncludes(faults[2]!.message, `at byte ${8 + json.lastIndexOf('"a"')} of the file`);
});

Deno.test("checkSource() does not report holes when a range cannot be read", async () => {
  const json = tiled(
    '"a":{"dtype":"U8","shape":[4],"data_offsets":[0]}',
    entry("b", "U8", "[4]", 4, 8),
  );
  assertEquals(await faultCodes(fileOf(json, 8)), ["invalid-header-deserialization"]);
});

Deno.test("checkSource() counts bytes, not characters, in positions", async () => {
  const { faults } = await checkSource(new MemorySource(fileOf('{"é😀":x}')));
  assertStringIncludes(faults[0]!.message, `at byte ${8 + 10} of the file`);
  const raw = await checkSource(new MemorySource(fileOf(bytes(0x7b, 0xc3, 0xa9, 0xff, 0x7d))));
  assertStringIncludes(raw.faults[0]!.message, "at byte 11 of the file");
});

Deno.test("checkSource() caps the list of a hostile header and counts the rest", async () => {
  const entries = Array.from({ length: 1500 }, (_, i) => entry(`t${i}`, "U8", "[4]", 0, 4));
  const { faults } = await checkSource(new MemorySource(fileOf(tiled(...entries), 4)));
  assertEquals(faults.length, 1001);
  assertEquals(faults.at(-1)?.message, "… and 499 more faults");
});

Deno.test("checkSource() escapes names that could forge lines or drive a terminal", async () => {
  const file = fileOf(tiled(entry("a\n\x1b[31m\u202e", "U8", "[1]", 1, 2)), 2);
  const { faults } = await checkSource(new MemorySource(file));
  assertStringIncludes(faults[0]!.message, '"a\\n\\u001b[31m\\u202e"');
});

/** A source that claims to be huge and fails the test when more than a header is asked for. */
function hugeSource(lengthBytes: Uint8Array, byteLength: number): ByteSource {
  const check = (begin: number, end: number) => {
    assert(end - begin <= 512, `a read of ${end - begin} bytes was asked for`);
    const target = new Uint8Array(end - begin);
    if (begin === 0) target.set(lengthBytes.subarray(0, target.length));
    return target;
  };
  return {
    byteLength,
    read: (begin, end) => Promise.resolve(check(begin, end)),
    readInto: (begin, target) =>
      Promise.resolve(target.set(check(begin, begin + target.byteLength))),
  };
}

Deno.test("readHeader() asks for no header beyond the cap, however large the file", async () => {
  const lengthBytes = new Uint8Array(8);
  new DataView(lengthBytes.buffer).setBigUint64(0, 5_000_000_000n, true);
  const source = hugeSource(lengthBytes, 1e13);
  const error = await assertRejects(() => readHeader(source), SafetensorsError);
  assertEquals(error.code, "header-too-large");
});

Deno.test("readHeader() accepts empty tensors on any boundary, also several on one", async () => {
  const json = tiled(
    entry("end", "F32", "[0]", 4, 4),
    entry("a", "U8", "[4]", 0, 4),
    entry("start", "F32", "[3,0]", 0, 0),
    entry("start2", "I64", "[0]", 0, 0),
  );
  assertEquals([...(await read(fileOf(json, 4))).tensors.keys()], ["start", "start2", "a", "end"]);
});

Deno.test("readHeader() accepts a product that is 0 before it overflows", async () => {
  const json = tiled(entry("w", "F32", "[0,9007199254740991,9007199254740991]", 0, 0));
  assertEquals((await read(fileOf(json))).tensors.get("w")?.shape.length, 3);
});

Deno.test("checkSource() finds nothing to say about a valid file", async () => {
  assertEquals(await warningCodes(VALID), []);
});
