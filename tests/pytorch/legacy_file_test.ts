import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { isPickle } from "../../lib/pytorch/legacy_file.ts";
import { dataOf, readLegacy } from "./_files.ts";
import { bytesOf, dict, global, int, pickle, type Piece, tensor, text, tuple } from "./_pickle.ts";

const MAGIC = pickle("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
const VERSION = pickle("M\xe9\x03");
const SYSTEM = pickle(dict({ little_endian: "\x88" }));
const VALUES = new Uint8Array(Int16Array.of(1, 2, 3, 4).buffer);

function shorts(view: Piece = "N"): Uint8Array {
  const id = tuple(
    text("storage"),
    global("torch", "ShortStorage"),
    text("0"),
    text("cpu"),
    int(4),
    view,
  );
  return bytesOf(id, "Q");
}

function file(root: Piece, ...tail: readonly Piece[]): Uint8Array<ArrayBuffer> {
  return bytesOf(MAGIC, VERSION, SYSTEM, pickle(root), ...tail);
}

const COUNT = "\x04\0\0\0\0\0\0\0";
const KEYS = pickle("](", text("0"), "e");
const ONE = dict({ w: tensor(shorts(), { shape: [2, 2], strides: [1, 2] }) });

async function refusal(bytes: Uint8Array): Promise<string> {
  const error = await assertRejects(() => readLegacy(bytes), TinygraftError);
  assertEquals([error.code, error.path], ["invalid-pickle", "a.pt"]);
  return error.message;
}

Deno.test("readLegacyFile() reads storages behind the pickles", async () => {
  const read = await readLegacy(file(ONE, KEYS, COUNT, VALUES));
  assertEquals(await dataOf(read, "w"), new Uint8Array(Int16Array.of(1, 3, 2, 4).buffer));
});

Deno.test("readLegacyFile() reads a view of a storage", async () => {
  const view = tuple(text("view"), int(1), int(3));
  const root = dict({ w: tensor(shorts(view), { offset: 1, shape: [2], strides: [1] }) });
  const read = await readLegacy(file(root, KEYS, COUNT, VALUES));
  assertEquals(await dataOf(read, "w"), new Uint8Array(Int16Array.of(3, 4).buffer));
  const beyond = dict({ w: tensor(shorts(tuple(text("view"), int(2), int(3))), {}) });
  assertStringIncludes(await refusal(file(beyond, KEYS, COUNT, VALUES)), "names a storage by");
});

Deno.test("readLegacyFile() reads on when the pickles are long", async () => {
  const entries = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`name ${i}`, "N"]));
  const root = dict({ ...entries, w: tensor(shorts(), { shape: [4], strides: [1] }) });
  const read = await readLegacy(file(root, KEYS, COUNT, VALUES));
  assertEquals(await dataOf(read, "w"), VALUES);
});

Deno.test("readLegacyFile() refuses what torch.save did not write", async () => {
  assertStringIncludes(await refusal(pickle("}")), "not one that torch.save wrote");
  assertStringIncludes(
    await refusal(bytesOf(MAGIC, pickle("K\x01"), SYSTEM)),
    "its version is not",
  );
  assertStringIncludes(await refusal(file(ONE, pickle("N"))), "not a list of strings");
  assertStringIncludes(await refusal(file(ONE, pickle("](K\x01e"))), "not a list of strings");
  assertStringIncludes(await refusal(file(ONE, pickle("]"))), 'no data for storage "0"');
  const twice = pickle("](", text("0"), text("0"), "e");
  assertStringIncludes(
    await refusal(file(ONE, twice, COUNT, VALUES, COUNT, VALUES)),
    "stands twice",
  );
  const other = pickle("](", text("9"), "e");
  assertStringIncludes(await refusal(file(ONE, other, COUNT, VALUES)), "of no tensor");
  const five = "\x05\0\0\0\0\0\0\0";
  assertStringIncludes(await refusal(file(ONE, KEYS, five, VALUES)), "has 5 elements, expected 4");
});

Deno.test("readLegacyFile() says of every start of a file that it is truncated", async () => {
  const whole = file(ONE, KEYS, COUNT, VALUES);
  for (let length = 0; length < whole.length; length++) {
    assertStringIncludes(await refusal(whole.subarray(0, length)), "may be truncated");
  }
});

Deno.test("isPickle() knows pickles by their first bytes", () => {
  const head = (bytes: Piece) => isPickle(bytesOf(bytes));
  assertEquals(["\x80\x02}", "\x80\x05\x95"].map(head), [true, true]);
  assertEquals(head("L119547037146038801333356L\n."), true);
  assertEquals(["\x80", "\x80\x06", "\x80\x00\0\0\0\0\0\0", "PK\x03\x04", "L1", ""].map(head), [
    ...new Array(6).fill(false),
  ]);
});
