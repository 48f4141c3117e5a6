import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type ErrorCode, TinygraftError } from "../../lib/errors.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { ZipArchive } from "../../lib/zip/archive.ts";
import { isPytorchArchive } from "../../lib/pytorch/zip_file.ts";
import { zip } from "../zip/_zip.ts";
import { dataOf, readZip } from "./_files.ts";
import {
  bytesOf,
  dict,
  global,
  int,
  pickle,
  pytorchZip,
  storage,
  tensor,
  text,
  tuple,
} from "./_pickle.ts";

const CAST_FLOATS = new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer);
const sixFloats = storage("FloatStorage", "0", 6);

async function refusal(file: Promise<Uint8Array>): Promise<[code: ErrorCode, message: string]> {
  const bytes = await file;
  const error = await assertRejects(() => readZip(bytes), TinygraftError);
  assertEquals(error.path, "a.pt");
  return [error.code, error.message];
}

Deno.test("readPytorchArchive() reads tensors, dense and strided", async () => {
  const file = await readZip(
    await pytorchZip(
      dict({
        dense: tensor(sixFloats, { shape: [2, 3], strides: [3, 1] }),
        turned: tensor(sixFloats, { shape: [3, 2], strides: [1, 3] }),
        tail: tensor(sixFloats, { offset: 4, shape: [2], strides: [1] }),
      }),
      { 0: CAST_FLOATS },
    ),
  );
  assertEquals([...file.tensors.keys()], ["dense", "turned", "tail"]);
  assertEquals([file.tensors.get("dense")?.dtype, file.tensors.get("dense")?.shape], ["F32", [
    2,
    3,
  ]]);
  const floats = async (name: string) => [...new Float32Array((await dataOf(file, name)).buffer)];
  assertEquals(await floats("dense"), [1, 2, 3, 4, 5, 6]);
  assertEquals(await floats("turned"), [1, 4, 2, 5, 3, 6]);
  assertEquals(await floats("tail"), [5, 6]);
  assertEquals(file.shared, [["dense", "turned", "tail"]]);
  assertEquals([file.stateDict, file.ignored], ["", []]);
});

Deno.test("readPytorchArchive() reads a big-endian file", async () => {
  const order = { name: "x/byteorder", data: new TextEncoder().encode("big") };
  const root = dict({ w: tensor(storage("ShortStorage", "0", 2), { shape: [2], strides: [1] }) });
  const file = await readZip(await pytorchZip(root, { 0: Uint8Array.of(0, 1, 0, 2) }, [order]));
  assertEquals(await dataOf(file, "w"), Uint8Array.of(1, 0, 2, 0));
  const middle = { ...order, data: new TextEncoder().encode("middle") };
  assertEquals(
    await refusal(pytorchZip(root, { 0: Uint8Array.of(0, 1, 0, 2) }, [middle])),
    [
      "invalid-pickle",
      'Cannot read "a.pt": its byte order is "middle", expected "little" or "big"',
    ],
  );
});

Deno.test("readPytorchArchive() reads a member that another tool compressed", async () => {
  const root = dict({ w: tensor(sixFloats, { shape: [6], strides: [1] }) });
  const bytes = await zip([
    { name: "any name/data.pkl", data: pickle(root), method: 8 },
    { name: "any name/data/0", data: CAST_FLOATS, method: 8 },
  ]);
  const file = await readZip(bytes);
  assertEquals(await dataOf(file, "w"), CAST_FLOATS);
});

Deno.test("readPytorchArchive() tells tensors that share bytes from neighbours", async () => {
  const part = (offset: number, length: number) =>
    tensor(sixFloats, { offset, shape: [length], strides: [1] });
  const file = await readZip(
    await pytorchZip(
      dict({
        last: part(4, 2),
        first: part(0, 2),
        second: part(2, 2),
        tied: part(2, 2),
        across: part(3, 2),
        empty: part(0, 0),
        alone: tensor(storage("FloatStorage", "1", 1), { shape: [1], strides: [1] }),
      }),
      { 0: CAST_FLOATS, 1: new Uint8Array(4) },
    ),
  );
  assertEquals(file.shared, [["second", "tied", "across", "last"]]);
});

Deno.test("readPytorchArchive() refuses tensors beyond their storage, whatever the numbers", async () => {
  const shapes: { offset?: number; shape: number[]; strides: number[] }[] = [
    { shape: [7], strides: [1] },
    { offset: 6, shape: [], strides: [] },
    { shape: [2, 2], strides: [5, 1] },
    { shape: [2 ** 31 - 1, 2 ** 31 - 1], strides: [2 ** 31 - 1, 1] },
    { offset: 2 ** 52, shape: [1], strides: [1] },
    { shape: [2], strides: [2 ** 52] },
    { shape: [1, 1], strides: [1] },
  ];
  for (const shape of shapes) {
    const [code, message] = await refusal(
      pytorchZip(dict({ w: tensor(sixFloats, shape) }), { 0: CAST_FLOATS }),
    );
    assertStringIncludes(message, 'Cannot read tensor "w" of "a.pt": ');
    assertEquals(code, "invalid-pickle");
  }
});

Deno.test("readPytorchArchive() refuses files whose parts disagree", async () => {
  const w = (from: Uint8Array) => tensor(from, { shape: [1], strides: [1] });
  const found = async (file: Promise<Uint8Array>) => (await refusal(file))[1];
  assertStringIncludes(
    await found(pytorchZip(dict({ w: w(sixFloats) }), { 0: CAST_FLOATS.subarray(4) })),
    'storage "0" has 20 bytes, expected 24',
  );
  assertStringIncludes(
    await found(pytorchZip(dict({ w: w(sixFloats) }), {})),
    'found no member "x/data/0"',
  );
  assertStringIncludes(
    await found(
      pytorchZip(dict({ a: w(sixFloats), b: w(storage("IntStorage", "0", 6)) }), {
        0: CAST_FLOATS,
      }),
    ),
    'storage "0" is 6 elements of float32 in one place and 6 of int32 in another',
  );
  assertStringIncludes(
    await found(zip([{ name: "a/data.pkl", data: pickle("}") }, {
      name: "b/data.pkl",
      data: pickle("}"),
    }])),
    "found 2 members data.pkl",
  );
  const script = [{ name: "x/constants.pkl", data: pickle(")") }];
  assertStringIncludes(await found(pytorchZip("}", {}, script)), "a TorchScript program");
});

Deno.test("readPytorchArchive() keeps a storage key within the archive's data", async () => {
  // The key is a member's name, never a path of the file system.
  const up = storage("FloatStorage", "../../../etc/passwd", 1);
  const root = dict({ w: tensor(up, { shape: [1], strides: [1] }) });
  assertStringIncludes((await refusal(pytorchZip(root)))[1], "found no member");
});

Deno.test("readPytorchArchive() refuses tensors that are no plain ones, by name", async () => {
  const call = (name: string, ...args: (string | Uint8Array)[]) =>
    bytesOf(global("torch._utils", name), tuple(...args), "R");
  const flags = (key: string) => dict({ [key]: "\x88" });
  const flagged = (key: string) =>
    call(
      "_rebuild_tensor_v2",
      sixFloats,
      int(0),
      tuple(int(1)),
      tuple(int(1)),
      "\x89",
      "}",
      flags(key),
    );
  const double = tensor(storage("ComplexDoubleStorage", "0", 1), { shape: [1], strides: [1] });
  const cases: [ErrorCode, string, Uint8Array][] = [
    ["unsupported-tensor", "it is sparse", call("_rebuild_sparse_tensor")],
    ["unsupported-tensor", "it is quantised", call("_rebuild_qtensor")],
    ["unsupported-tensor", "it is nested", call("_rebuild_nested_tensor")],
    ["unsupported-tensor", "has no data", call("_rebuild_meta_tensor_no_storage")],
    ["unsupported-tensor", "its conj bit is set", flagged("conj")],
    ["unsupported-tensor", "its neg bit is set", flagged("neg")],
    ["unsupported-tensor", "its unknown bit is set", flagged("later")],
    ["unsupported-dtype", "it has dtype complex128", double],
  ];
  for (const [code, found, value] of cases) {
    const file = pytorchZip(dict({ w: value }), { 0: new Uint8Array(24) });
    const [actual, message] = await refusal(file);
    assertStringIncludes(message, `Cannot read tensor "w" of "a.pt": `);
    assertStringIncludes(message, found);
    assertEquals(actual, code);
  }
});

Deno.test("isPytorchArchive() looks for the pickle", async () => {
  const is = async (...names: string[]) => {
    const bytes = await zip(names.map((name) => ({ name, data: new Uint8Array() })));
    return isPytorchArchive(await ZipArchive.open(new MemorySource(bytes), "a"));
  };
  assertEquals(await is("archive/data.pkl", "archive/version"), true);
  assertEquals(await is("word/document.xml"), false);
  assertEquals(await is("a/b/data.pkl"), false);
  assertEquals(await is(), false);
});

Deno.test("readPytorchArchive() refuses a hostile pickle in the place of tensors", async () => {
  const attack = bytesOf(global("os", "system"), tuple(text("id")), "R");
  for (const root of [attack, dict({ w: attack }), dict({ state_dict: dict({ w: attack }) })]) {
    const [code, message] = await refusal(pytorchZip(root));
    assertStringIncludes(message, '"os.system"');
    assertEquals(code, "unsafe-pickle");
  }
});
