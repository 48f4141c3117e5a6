import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { readNpy } from "../../lib/npz/npy.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";
import { StridedSource } from "../../lib/tensor/strided.ts";
import { seededRandom } from "../_noise.ts";
import { header, npy } from "./_npy.ts";

const CONTEXT = { path: "a.npz", name: "w" };

async function read(bytes: Uint8Array): Promise<unknown[]> {
  const tensor = await readNpy(new MemorySource(bytes), CONTEXT);
  const source = new StridedSource(tensor);
  return [tensor.dtype, tensor.shape, await source.read(0, source.byteLength)];
}

async function refusal(bytes: Uint8Array): Promise<[code: string, message: string]> {
  const error = await assertRejects(() => read(bytes), TinygraftError);
  assertEquals([error.path, error.tensor], ["a.npz", "w"]);
  assertStringIncludes(error.message, 'Cannot read array "w" of "a.npz": ');
  return [error.code, error.message];
}

Deno.test("readNpy() reads every version of the header", async () => {
  const data = Uint8Array.of(1, 2, 3, 4);
  for (const version of [1, 2, 3]) {
    assertEquals(await read(npy(header("'<i2'", "(2,)"), data, version)), ["I16", [2], data]);
  }
});

Deno.test("readNpy() reads every dtype that safetensors has", async () => {
  const dtypes = {
    "<f8": "F64",
    "<f4": "F32",
    "<f2": "F16",
    "<i8": "I64",
    "<i4": "I32",
    "<i2": "I16",
    "|i1": "I8",
    "<u8": "U64",
    "<u4": "U32",
    "<u2": "U16",
    "|u1": "U8",
    "|b1": "BOOL",
    "<c8": "C64",
  };
  for (const [descr, dtype] of Object.entries(dtypes)) {
    const data = new Uint8Array(Number(descr.slice(2))).fill(1);
    assertEquals(await read(npy(header(`'${descr}'`, "()"), data)), [dtype, [], data]);
  }
});

Deno.test("readNpy() turns Fortran order and big-endian numbers", async () => {
  const columns = Uint8Array.of(1, 4, 2, 5, 3, 6);
  assertEquals(await read(npy(header("'|u1'", "(2, 3)", "True"), columns)), [
    "U8",
    [2, 3],
    Uint8Array.of(1, 2, 3, 4, 5, 6),
  ]);
  const big = Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4);
  assertEquals(await read(npy(header("'>i4'", "(2, 2)", "True"), big)), [
    "I32",
    [2, 2],
    new Uint8Array(Int32Array.of(1, 3, 2, 4).buffer),
  ]);
});

Deno.test("readNpy() refuses elements that are no numbers, by name", async () => {
  const cases: [string, string][] = [
    ["'|O'", "Python objects, which are pickled"],
    ["'|S5'", "byte strings"],
    ["'<U5'", "text"],
    ["'|V2'", "bfloat16"],
    ["'<M8[ns]'", "dates"],
    ["'<m8[s]'", "durations"],
    ["[('a', '<f4')]", "structures"],
    ["'<c16'", 'elements (dtype "<c16")'],
    ["'<f16'", 'elements (dtype "<f16")'],
    ["'=f4'", 'elements (dtype "=f4")'],
    ["'f4'", 'elements (dtype "f4")'],
    ["'<f4x'", "elements"],
    ["'<f3'", "elements"],
    ["None", "structures"],
  ];
  for (const [descr, found] of cases) {
    const [code, message] = await refusal(npy(header(descr, "(1,)"), new Uint8Array(16)));
    assertStringIncludes(message, found);
    assertEquals(code, "unsupported-dtype");
  }
});

Deno.test("readNpy() refuses malformed headers", async () => {
  const data = new Uint8Array(4);
  const good = header("'<f4'", "(1,)");
  const wrongMagic = npy(good, data);
  wrongMagic[1] = 0;
  const minor = npy(good, data);
  minor[7] = 1;
  const cases: [string, Uint8Array][] = [
    ["does not start as an array", wrongMagic],
    ["version 4.0", npy(good, data, 4)],
    ["version 1.1", minor],
    ["within its header", npy(good, data).subarray(0, 9)],
    ["within its header", npy(good, data).subarray(0, 40)],
    ["within its header", npy(good, data, 2).subarray(0, 11)],
    ["expected at most 1048576", npy(" ".repeat(2 ** 21), data, 2)],
    ["it ends at byte 8 of its storage", npy(header("'<f8'", "(1,)"), data)],
    ["it ends at byte 8", npy(header("'<f4'", "(2,)"), data)],
    ["its data has 4 bytes, expected 0", npy(header("'<f4'", "(0, 7)"), data)],
    ["bytes, expected at most 2^53 - 1", npy(header("'<f4'", "(9007199254740991, 2)"), data)],
    ["65 dimensions", npy(header("'<f4'", `(${"1, ".repeat(65)})`), data)],
    ["not a tuple of sizes", npy(header("'<f4'", "(-1,)"), data)],
    ["not a tuple of sizes", npy(header("'<f4'", "7"), data)],
    ["not a tuple of sizes", npy(header("'<f4'", "('1',)"), data)],
    ["lacks the keys", npy("{'descr': '<f4', 'shape': (1,)}", data)],
    ["lacks the keys", npy(good.replace("{", "{'more': 1, "), data)],
    ["lacks the keys", npy(header("'<f4'", "(1,)", "1"), data)],
    ["not a dict of plain values", npy("[1, 2]", data)],
    ["not a dict of plain values", npy("print('hello')", data)],
  ];
  for (const [found, bytes] of cases) {
    const [code, message] = await refusal(bytes);
    assertStringIncludes(message, found);
    assertEquals(code, "invalid-npy");
  }
});

Deno.test("readNpy() ends every damaged array with a tensor or a coded error", async () => {
  const random = seededRandom(9);
  const whole = npy(header("'<f4'", "(2, 2)"), new Uint8Array(16));
  const counts = { read: 0, refused: 0 };
  for (let run = 0; run < 3000; run++) {
    const bytes = whole.slice();
    for (let i = 0; i <= run % 3; i++) bytes[Math.floor(random() * bytes.length)] = random() * 256;
    try {
      await read(bytes);
      counts.read++;
    } catch (error) {
      assert(error instanceof TinygraftError, String(error));
      counts.refused++;
    }
  }
  assert(counts.read > 100 && counts.refused > 100, JSON.stringify(counts));
});
