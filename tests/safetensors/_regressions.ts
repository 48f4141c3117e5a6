// Small files on which readers of the format differ or are likely to: ours, and the reference's.

import { entry, fileOf } from "./_files.ts";

/** One file and what is to be made of it. */
export interface Regression {
  /** What is special about it. */
  readonly what: string;
  readonly file: Uint8Array;
  /** The code of our first fault, or that there is none. */
  readonly ours: string;
  /** What the reference implementation 0.8.0 does. */
  readonly python: "accepted" | "refused";
}

function same(what: string, verdict: string, file: Uint8Array): Regression {
  return { what, file, ours: verdict, python: verdict === "accepted" ? "accepted" : "refused" };
}

function stricter(what: string, code: string, file: Uint8Array): Regression {
  return { what, file, ours: code, python: "accepted" };
}

/** A tensor of eight bytes. */
const W = entry("w", "F32", "[2]", 0, 8);
const JSON_FAULT = "invalid-header-deserialization";
const nested = (levels: number) =>
  `{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0],"x":${"[".repeat(levels)}${
    "]".repeat(levels)
  }}}`;

/** Every case, found by mutation or by reading, as small as it gets. */
export const REGRESSIONS: readonly Regression[] = [
  stricter("a name twice", "duplicate-key", fileOf(`{${W},${W}}`, 8)),
  stricter(
    "a name twice, once escaped, the lost entry nonsense",
    "duplicate-key",
    fileOf(`{"\\u0077":{"dtype":"F4","shape":[3],"data_offsets":[9,1]},${W}}`, 8),
  ),
  stricter(
    "a metadata key twice",
    "duplicate-key",
    fileOf(`{"__metadata__":{"a":"b","a":"c"},${W}}`, 8),
  ),
  same("__metadata__ twice", "duplicate-key", fileOf(`{"__metadata__":{},"__metadata__":{}}`)),
  same("a field twice", "duplicate-key", fileOf(`{${W.replace("}", ',"dtype":"F32"}')}}`, 8)),
  stricter("an entry as an array", JSON_FAULT, fileOf(`{"w":["F32",[2],[0,8]]}`, 8)),
  stricter(
    "a dtype as an object",
    JSON_FAULT,
    fileOf(`{${W.replace('"F32"', '{"F32":null}')}}`, 8),
  ),
  stricter(
    "a dimension over 2^53 in an empty tensor",
    "dimension-too-large",
    fileOf(`{${entry("w", "U8", "[0,9007199254740993]", 0, 0)}}`),
  ),
  same("null for __metadata__", "accepted", fileOf(`{"__metadata__":null,${W}}`, 8)),
  same("white space before the header", "accepted", fileOf(` \n\t{${W}}`, 8)),
  same("a line feed behind the header", "accepted", fileOf(`{${W}}\n`, 8)),
  same("a NUL behind the header", JSON_FAULT, fileOf(`{${W}}\0`, 8)),
  same("a byte order mark", JSON_FAULT, fileOf(`\ufeff{${W}}`, 8)),
  same("a no-break space", JSON_FAULT, fileOf(`{${W}}\u00a0`, 8)),
  same("an unknown key", "accepted", fileOf(`{${W.replace("}", ',"x":[{"y":null}]}')}}`, 8)),
  same(
    "a number out of range in an unknown key",
    JSON_FAULT,
    fileOf(`{${W.replace("}", ',"x":1e999}')}}`, 8),
  ),
  same(
    "a lone surrogate in an unknown key",
    JSON_FAULT,
    fileOf(`{${W.replace("}", ',"x":"\\ud800"}')}}`, 8),
  ),
  same("127 levels", "accepted", fileOf(nested(125))),
  same("128 levels", JSON_FAULT, fileOf(nested(126))),
  same("minus zero for an offset", JSON_FAULT, fileOf(`{${W.replace("[0,", "[-0,")}}`, 8)),
  same("a float for an offset", JSON_FAULT, fileOf(`{${W.replace("[0,", "[0.0,")}}`, 8)),
  same("an exponent in a shape", JSON_FAULT, fileOf(`{${W.replace("[2]", "[2e0]")}}`, 8)),
  same("the empty name", "accepted", fileOf(`{${entry("", "U8", "[]", 0, 1)}}`, 1)),
  same("U+0000 in a name", "accepted", fileOf(`{${entry("\0", "U8", "[]", 0, 1)}}`, 1)),
  same(
    "zero, then sizes that overflow",
    "accepted",
    fileOf(`{${entry("w", "U8", "[0,4294967296,4294967296]", 0, 0)}}`),
  ),
  same(
    "sizes that overflow, then zero",
    "validation-overflow",
    fileOf(`{${entry("w", "U8", "[4294967296,4294967296,0]", 0, 0)}}`),
  ),
  same("an odd number of F4", "misaligned-slice", fileOf(`{${entry("w", "F4", "[3]", 0, 2)}}`, 2)),
  same("a hole at the start", "invalid-offset", fileOf(`{${entry("w", "U8", "[1]", 1, 2)}}`, 2)),
  same(
    "two empty tensors on one boundary",
    "accepted",
    fileOf(`{${entry("a", "U8", "[0]", 0, 0)},${entry("b", "F64", "[0,3]", 0, 0)}}`),
  ),
  same(
    "an empty tensor inside another",
    "invalid-offset",
    fileOf(`{${W},${entry("e", "U8", "[0]", 4, 4)}}`, 8),
  ),
  same("bytes behind the last tensor", "metadata-incomplete-buffer", fileOf(`{${W}}`, 9)),
  same(
    "an overlong zero in a name",
    "invalid-header",
    fileOf(Uint8Array.of(0x7b, 0x22, 0xc0, 0x80, 0x22, 0x7d)),
  ),
  same("an empty file", "header-too-small", new Uint8Array()),
  same("an empty header", JSON_FAULT, fileOf("")),
  same("a header over the cap", "header-too-large", Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0x80, 0x7b)),
];
