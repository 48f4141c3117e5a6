import { assertEquals } from "@std/assert";
import { readHeader } from "../../lib/safetensors/reader.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { entry, faultCodes, fileOf, warningCodes } from "./_files.ts";

const W = entry("w", "U8", "[1]", 0, 1);
const TYPE = ["invalid-header-deserialization"];
const DUPLICATE = ["duplicate-key"];

/** Pads a header to a multiple of eight bytes, so that this gives no warning. */
function padded(json: string): string {
  return json + " ".repeat((8 - new TextEncoder().encode(json).length % 8) % 8);
}

/** `levels` levels of arrays, the innermost empty. */
function nested(levels: number): string {
  return "[".repeat(levels) + "]".repeat(levels);
}

function withField(field: string): string {
  return `{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1],${field}}}`;
}

// What the specification and the reference reader disagree about, or what neither states.
const REFUSED: readonly [what: string, header: string | Uint8Array, codes: string[]][] = [
  ["trailing NUL", `{${W}}\0`, TYPE],
  ["trailing form feed", `{${W}}\f`, TYPE],
  ["trailing no-break space", `{${W}}\u00a0`, TYPE],
  ["byte order mark", `\ufeff{${W}}`, TYPE],
  ["duplicate tensor name", `{${entry("w", "X", "[9]", 5, 1)},${W}}`, [
    "unknown-dtype",
    "duplicate-key",
    "invalid-offset",
  ]],
  [
    "duplicate name through an escape",
    `{${W},"\\u0077":{"dtype":"U8","shape":[0],` +
    `"data_offsets":[1,1]}}`,
    DUPLICATE,
  ],
  ["duplicate key in the metadata", `{"__metadata__":{"a":"1","a":"2"},${W}}`, DUPLICATE],
  ["duplicate metadata", `{"__metadata__":{},"__metadata__":{},${W}}`, DUPLICATE],
  ["duplicate dtype", withField('"dtype":"U8"'), DUPLICATE],
  ["duplicate shape", withField('"shape":[1]'), DUPLICATE],
  ["duplicate data_offsets", withField('"data_offsets":[0,1]'), DUPLICATE],
  ["duplicate key in an unknown value", withField('"x":[{"a":1,"a":2}]'), DUPLICATE],
  ["number in the metadata", `{"__metadata__":{"a":1},${W}}`, TYPE],
  ["null in the metadata", `{"__metadata__":{"a":null},${W}}`, TYPE],
  ["metadata as an array", `{"__metadata__":[],${W}}`, TYPE],
  ["metadata as true", `{"__metadata__":true,${W}}`, TYPE],
  ["entry as an array", '{"w":["U8",[1],[0,1]]}', TYPE],
  ["dtype as an object", '{"w":{"dtype":{"U8":null},"shape":[1],"data_offsets":[0,1]}}', TYPE],
  ["shape as an object", '{"w":{"dtype":"U8","shape":{"0":1},"data_offsets":[0,1]}}', TYPE],
  ["shape as null", '{"w":{"dtype":"U8","shape":null,"data_offsets":[0,1]}}', TYPE],
  ["offset as a string", '{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,"1"]}}', TYPE],
  ["raw tab in a name", `{"w\t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, TYPE],
  ["lone high surrogate", `{"\\ud800":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, TYPE],
  ["lone low surrogate", `{"\\udc00":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, TYPE],
  ["comment", `{/**/${W}}`, TYPE],
  ["trailing comma", `{${W},}`, TYPE],
  ["NaN in an unknown value", withField('"x":NaN'), TYPE],
  ["overflowing number in an unknown value", withField('"x":1e999'), TYPE],
  ["128 levels", withField(`"x":${nested(126)}`), TYPE],
];

for (const [what, header, codes] of REFUSED) {
  Deno.test(`checkSource() refuses a header with a ${what}`, async () => {
    assertEquals(await faultCodes(fileOf(header, 1)), codes);
  });
}

for (
  const token of ["2e0", "0.0", "-0", "-1", "00", "01", "1.", "+1", "1E0", "0x1"].concat([
    "18446744073709551616",
    "1".repeat(5000),
  ])
) {
  Deno.test(`checkSource() refuses ${token.slice(0, 24)} as an integer`, async () => {
    const file = fileOf(entry("w", "U8", `[${token}]`, 0, 1).replace(/^/, "{") + "}", 1);
    assertEquals(await faultCodes(file), TYPE);
  });
}

const WARNED: readonly [what: string, header: string, codes: string[]][] = [
  ["white space before the brace", ` \n{${W}}`, ["header-whitespace"]],
  ["trailing line feed", `{${W}}  \n`, ["header-whitespace"]],
  ["trailing tab", `{${W}}\t`, ["header-whitespace"]],
  ["null metadata", `{"__metadata__":null,${W}}`, ["null-metadata"]],
  ["unknown key", withField('"strides":[{"a":-1.5e3,"b":[true,false,null,"\\u0000"]}]'), [
    "unknown-header-key",
  ]],
  ["127 levels", withField(`"x":${nested(125)}`), ["unknown-header-key"]],
  ["empty name", `{${entry("", "U8", "[1]", 0, 1)}}`, ["empty-tensor-name"]],
  ["NUL in a name", `{${entry("a\0", "U8", "[1]", 0, 1)}}`, ["nul-in-tensor-name"]],
  ["metadata in the middle, its key escaped", `{${W},"\\u005f_metadata__":{"a":"b"}}`, []],
  ["white space inside", `{ "w" :\n{"dtype":"U8",\t"shape":[ 1 ],\r"data_offsets":[0 ,1]}}`, []],
  ["non-characters and pairs", `{${W},"__metadata__":{"\uffff":"\\ud83d\\uDE00"}}`, []],
];

for (const [what, header, codes] of WARNED) {
  Deno.test(`checkSource() accepts a header with ${what}, warning where it should`, async () => {
    assertEquals(await warningCodes(fileOf(padded(header), 1)), codes);
  });
}

Deno.test("checkSource() warns about unaligned headers and tensors", async () => {
  const json = `{${entry("a", "U8", "[1]", 0, 1)},${entry("b", "F32", "[1]", 1, 5)}}`;
  assertEquals(await warningCodes(fileOf(padded(json), 5)), ["unaligned-tensor"]);
  assertEquals(await warningCodes(fileOf(padded(json) + " ", 5)), [
    "unaligned-header",
    "unaligned-tensor",
  ]);
});

Deno.test("readHeader() keeps awkward names apart and reads null metadata as absent", async () => {
  const names = ["10", "2", "__proto__", "constructor", "\u2028", '"\\/', "\ue000", "\u{10000}"];
  const entries = names.map((name, i) => entry(name, "U8", "[1]", i, i + 1));
  const file = fileOf(`{"__metadata__":null,${entries.join(",")}}`, names.length);
  const header = await readHeader(new MemorySource(file));
  assertEquals([...header.tensors.keys()], names);
  assertEquals(header.metadata.size, 0);
});
