import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { TruncatedPickleError } from "../../lib/pytorch/cursor.ts";
import { OPCODES } from "../../lib/pytorch/opcodes.ts";
import { unpickle } from "../../lib/pytorch/unpickle.ts";
import type { PickleValue } from "../../lib/pytorch/values.ts";
import { seededRandom } from "../_noise.ts";
import {
  bytesOf,
  dict,
  global,
  int,
  load,
  pickle,
  type Piece,
  storage,
  text,
  tuple,
} from "./_pickle.ts";

/** A value as plain JavaScript, for comparing. */
function plain(value: PickleValue): unknown {
  if (typeof value !== "object" || value === null) return value;
  switch (value.kind) {
    case "tuple":
    case "list":
      return value.items.map(plain);
    case "dict":
      return Object.fromEntries(
        [...value.entries ?? []].map(([key, item]) => [String(plain(key)), plain(item)]),
      );
    case "global":
      return value.name;
    case "opaque":
      return `<${value.what}>`;
    default:
      return value;
  }
}

function refusal(...pieces: readonly Piece[]): [code: string, message: string] {
  const error = assertThrows(() => load(bytesOf(...pieces)), TinygraftError);
  assertEquals(error.path, "a.pt");
  assertStringIncludes(error.message, 'Cannot read "a.pt": ');
  return [error.code, error.message];
}

function assertUnsafe(expected: string, ...pieces: readonly Piece[]): void {
  const [code, message] = refusal(...pieces);
  assertStringIncludes(message, expected);
  assertEquals(code, "unsafe-pickle");
}

Deno.test("unpickle() reads what Python's pickler writes, in every protocol", () => {
  // pickle.dumps({"a": [1, -2, 300, 70000, 2**40], "b": (True, None), "c": 1.5}, protocol=n)
  const want = { a: [1, -2, 300, 70000, 2 ** 40], b: [true, null], c: "<a float>" };
  const protocols = [
    "(dp0\nVa\np1\n(lp2\nI1\naI-2\naI300\naI70000\naL1099511627776L\nasVb\np3\n(I01\nNtp4\nsVc\n" +
    "p5\nF1.5\ns.",
    "}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00" +
    "L1099511627776L\neX\x01\x00\x00\x00bq\x03(I01\nNtq\x04X\x01\x00\x00\x00cq\x05" +
    "G?\xf8\x00\x00\x00\x00\x00\x00u.",
    "\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01]q\x02(K\x01J\xfe\xff\xff\xffM,\x01Jp\x11\x01\x00" +
    "\x8a\x06\x00\x00\x00\x00\x00\x01eX\x01\x00\x00\x00bq\x03\x88N\x86q\x04X\x01\x00\x00\x00cq" +
    "\x05G?\xf8\x00\x00\x00\x00\x00\x00u.",
    "\x80\x04\x957\x00\x00\x00\x00\x00\x00\x00}\x94(\x8c\x01a\x94]\x94(K\x01J\xfe\xff\xff\xff" +
    "M,\x01Jp\x11\x01\x00\x8a\x06\x00\x00\x00\x00\x00\x01e\x8c\x01b\x94\x88N\x86\x94\x8c\x01c" +
    "\x94G?\xf8\x00\x00\x00\x00\x00\x00u.",
  ];
  for (const [i, bytes] of protocols.entries()) {
    assertEquals(plain(load(bytesOf(bytes))), want, `pickle ${i}`);
  }
});

Deno.test("unpickle() reads text, integers and bytes in all their forms", () => {
  const values: [unknown, Piece][] = [
    ["é", text("é")],
    ["aé😀", "Va\\u00e9\\U0001F600\n"],
    ["a", "S'a'\n"],
    ["b", 'S"b"\n'],
    ["c", "U\x01c"],
    ["d", "T\x01\x00\x00\x00d"],
    ["e", "\x8d\x01\x00\x00\x00\x00\x00\x00\x00e"],
    [0, "\x8a\x00"],
    [-1, "\x8a\x01\xff"],
    [255, "\x8a\x02\xff\x00"],
    [255, "\x8b\x02\x00\x00\x00\xff\x00"],
    [-(2n ** 63n), "\x8a\x08\x00\x00\x00\x00\x00\x00\x00\x80"],
    [false, "I00\n"],
    ["<bytes>", "B\x02\x00\x00\x00ab"],
    ["<bytes>", "C\x02ab"],
    ["<bytes>", "\x8e\x02\x00\x00\x00\x00\x00\x00\x00ab"],
    ["<a bytearray>", "\x96\x02\x00\x00\x00\x00\x00\x00\x00ab"],
    ["<a set>", "\x8f(K\x01K\x02\x90"],
    ["<a frozenset>", "(K\x01\x91"],
    [[1, 2], "K\x01K\x02\x86"],
    [{ a: 1 }, bytesOf("(", text("a"), "K\x01d")],
    [[3, 3], "K\x03r\x00\x01\x00\x00j\x00\x01\x00\x00\x86"],
    [[4, 4], "K\x04p7\ng7\n\x86"],
    ["torch.float32", bytesOf(text("torch"), text("float32"), "\x93")],
    ["<a set>", bytesOf(global("__builtin__", "set"), tuple("]"), "R")],
    [
      { a: 1 },
      bytesOf(
        global("collections", "OrderedDict"),
        tuple(bytesOf("]](", text("a"), "K\x01ea")),
        "R",
      ),
    ],
  ];
  for (const [want, pieces] of values) assertEquals(plain(load(pickle(pieces))), want);
});

Deno.test("unpickle() says where a pickle ends", () => {
  const bytes = bytesOf("rest", pickle("K\x07"), "more");
  assertEquals(unpickle(bytes, { path: "a.pt", begin: 4 }), { value: 7, end: 9 });
});

Deno.test("unpickle() refuses names that could run code, each by its name", () => {
  const names = [
    ["os", "system"],
    ["posix", "system"],
    ["nt", "system"],
    ["subprocess", "Popen"],
    ["builtins", "eval"],
    ["__builtin__", "exec"],
    ["builtins", "getattr"],
    ["builtins", "__import__"],
    ["runpy", "run_path"],
    ["torch", "load"],
    ["torch.hub", "load"],
    ["torch.nn.modules.linear", "Linear"],
    ["torch._utils", "_import_dotted_name"],
    ["torch.storage", "_load_from_bytes"],
    ["numpy.core.multiarray", "_reconstruct"],
    ["copyreg", "_reconstructor"],
    ["__main__", "Model"],
    ["collections", "OrderedDict.__init__"],
    ["torch", "FloatStorage.__reduce__"],
    ["torch.os", "system"],
  ] as const;
  for (const [module, name] of names) {
    const full = `${module === "__builtin__" ? "__builtin__" : module}.${name}`;
    const call = bytesOf(tuple(text("id")), "R");
    assertUnsafe(`"${full}"`, pickle(global(module, name), call));
    assertUnsafe(`"${full}"`, pickle(text(module), text(name), "\x93", call)); // STACK_GLOBAL
    // Nested: as the argument of a harmless call, and in the place of a dtype.
    assertUnsafe(
      `"${full}"`,
      pickle(global("collections", "OrderedDict"), tuple(bytesOf(global(module, name), call)), "R"),
    );
  }
  // A name that would drive a terminal is printed escaped.
  assertUnsafe("\\u001b[2J", pickle(global("os", "\x1b[2J")));
});

Deno.test("unpickle() refuses every opcode that tensors do not need, by its name", () => {
  const refused = [...OPCODES].filter(([, { run }]) => run === undefined);
  assertEquals(
    refused.map(([, { name }]) => name).sort().join(" "),
    "DUP EXT1 EXT2 EXT4 INST NEWOBJ_EX NEXT_BUFFER OBJ PERSID POP POP_MARK READONLY_BUFFER",
  );
  for (const [code, { name }] of refused) {
    assertUnsafe(`the opcode ${name} (0x`, pickle("]", Uint8Array.of(code), "ios\nsystem\n"));
  }
  for (let code = 0; code < 256; code++) {
    if (OPCODES.has(code) || code === ".".charCodeAt(0)) continue;
    const hex = code.toString(16).padStart(2, "0");
    assertUnsafe(`the opcode 0x${hex}, which is unknown`, pickle(Uint8Array.of(code)));
  }
});

Deno.test("unpickle() refuses calls of what is no call, and states of what has none", () => {
  assertUnsafe("would call a string", pickle(text("os.system"), ")R"));
  assertUnsafe("would call the name torch.float32", pickle(global("torch", "float32"), ")R"));
  assertUnsafe("would call the name torch.Tensor", pickle(global("torch", "Tensor"), ")\x81"));
  assertUnsafe("would set the state of", pickle(global("torch", "Size"), "}b"));
  assertUnsafe("would set the state of a list", pickle("]}b"));
  assertUnsafe("would append to a dict", pickle("}K\x01a"));
  assertUnsafe("would set items of a list", pickle("]K\x01K\x02s"));
  assertUnsafe("would use as a key a list", pickle("}]K\x02s"));
  assertUnsafe("would add items to a list", pickle("](K\x01\x90"));
  const wrong = (...pieces: Piece[]) => refusal(pickle(...pieces))[1];
  const rebuild = global("torch._utils", "_rebuild_tensor_v2");
  assertStringIncludes(wrong(rebuild, ")R"), "with arguments that do not fit");
  assertStringIncludes(wrong(rebuild, "]R"), "with arguments that do not fit");
  assertStringIncludes(
    wrong(global("collections", "OrderedDict"), tuple(bytesOf("](K\x01e")), "R"),
    "with arguments that do not fit",
  );
  // The wrapper of tensors with attributes cannot smuggle in another call, nor call itself.
  const wrapper = global("torch._tensor", "_rebuild_from_type_v2");
  const type = global("torch", "Tensor");
  for (const inner of [global("collections", "OrderedDict"), wrapper, text("x")]) {
    assertStringIncludes(wrong(wrapper, tuple(inner, type, ")", "N"), "R"), "that do not fit");
  }
  const parameter = global("torch._utils", "_rebuild_parameter");
  const unusable = bytesOf(global("torch._utils", "_rebuild_sparse_tensor"), ")R");
  const wrapped = tuple(parameter, type, tuple(unusable), "N");
  const { kind } = load(pickle(wrapper, wrapped, "R")) as { kind: string };
  assertEquals(kind, "tensor");
  assertStringIncludes(
    wrong(wrapper, tuple(wrapper, type, wrapped, "N"), "R"),
    "_rebuild_from_type_v2 with arguments that do not fit",
  );
});

Deno.test("unpickle() refuses storages where none are expected, and ids that name none", () => {
  assertStringIncludes(refusal(pickle(storage("FloatStorage", "0", 1)))[1], "names a storage by");
  assertStringIncludes(refusal(pickle(text("/etc/passwd"), "Q"))[1], "names a storage by a string");
});

Deno.test("unpickle() refuses huge lengths before it makes anything", () => {
  const huge = [
    "X\xff\xff\xff\xff",
    "T\xff\xff\xff\x7f",
    "B\xff\xff\xff\xff",
    "\x8d\x00\x00\x00\x00\x00\x00\x01\x00",
    "\x8e\xff\xff\xff\xff\x00\x00\x00\x00",
    "\x96\x00\x00\x00\x00\x01\x00\x00\x00",
  ];
  for (const piece of huge) {
    assertThrows(
      () => load(pickle(piece, "abc")),
      TruncatedPickleError,
      "its pickle goes on beyond",
    );
  }
  assertUnsafe("18446744073709551615 bytes", pickle("\x8e\xff\xff\xff\xff\xff\xff\xff\xff"));
  assertUnsafe("an integer of 4294967295 bytes", pickle("\x8b\xff\xff\xff\xff"));
  assertUnsafe("a line of more than 10000 bytes", pickle("c", "a".repeat(20_000), "\n"));
  assertStringIncludes(refusal(pickle("L", "9".repeat(5000), "L\n"))[1], "as an integer");
});

Deno.test("unpickle() refuses values that nest without end", () => {
  assertUnsafe("nests values more than 500 deep", pickle("]".repeat(2000), "a".repeat(1999)));
  assertUnsafe("nests values more than 500 deep", pickle("(".repeat(2000), "t".repeat(2000)));
  assertUnsafe("nests values more than 500 deep", pickle("(".repeat(2000)));
  assertUnsafe("nests values more than 500 deep", pickle("N", "\x85".repeat(600)));
  assertUnsafe("nests values more than 500 deep", pickle("}N".repeat(600), "N", "s".repeat(600)));
  assertEquals(plain(load(pickle("]".repeat(3), "a".repeat(2)))), [[[]]]);
});

Deno.test("unpickle() takes values that hold themselves", () => {
  const self = load(pickle("]q\x00h\x00a"));
  assert(typeof self === "object" && self?.kind === "list" && self.items[0] === self);
  const dictionary = load(pickle("}q\x00", text("self"), "h\x00s"));
  assert(typeof dictionary === "object" && dictionary?.kind === "dict");
  assertEquals(dictionary.entries?.get("self"), dictionary);
});

Deno.test("unpickle() does work in proportion to its bytes, whatever the pickle repeats", () => {
  const begin = performance.now();
  // Two to the hundredth references, in 200 tuples.
  load(pickle("N", ...Array.from({ length: 100 }, () => "q\x00h\x00\x86")));
  // A list of 100,000 pairs, turned into a dict 100,000 times.
  const pairs = bytesOf("](", "(K\x01K\x02t".repeat(100_000), "eq\x00");
  const keep = bytesOf(global("collections", "OrderedDict"), "q\x01");
  assertUnsafe(
    "moves more than 20000000 values",
    pickle(pairs, keep, "h\x01(h\x00tR".repeat(3000)),
  );
  assertUnsafe("keeps more than 4000000 values", pickle("N", "\x94".repeat(4_100_000)));
  assertUnsafe("makes more than 2000000 objects", pickle("]", "}a".repeat(2_100_000)));
  assertUnsafe("stacks more than 1000000 values", pickle("(", "N".repeat(1_100_000)));
  const seconds = (performance.now() - begin) / 1000;
  assert(seconds < 20, `${seconds} s`);
});

Deno.test("unpickle() refuses pickles that make no sense", () => {
  const cases: [string, Piece][] = [
    ["takes a value that is not there", "."],
    ["takes a value that is not there", "](Na."], // not from below the mark
    ["lacks a mark", "t."],
    ["leaves 1 values behind", "NN."],
    ["recalls value 5", "h\x05."],
    ["has a key without a value", "}(Nu."],
    ["has protocol 9", "\x80\x09N."],
    ["is not UTF-8", "X\x01\x00\x00\x00\xff."],
    ["keeps a value under -1", "Np-1\n."],
    ["as an integer", "I1e3\n."],
    ["as an integer", "L\n."],
    ["string with escapes", "S'\\x41'\n."],
    ["not Unicode", "V\\U00110000\n."],
    ["by name", "NN\x93."],
  ];
  for (const [expected, bytes] of cases) {
    const [code, message] = refusal(bytes);
    assertStringIncludes(message, expected);
    assertEquals(code, "invalid-pickle");
  }
});

Deno.test("unpickle() says of every start of a pickle that it is truncated", () => {
  const whole = pickle(dict({ a: int(2 ** 40), b: tuple("N", "\x88"), c: "G\0\0\0\0\0\0\0\0" }));
  for (let length = 0; length < whole.length; length++) {
    const error = assertThrows(() => load(whole.subarray(0, length)), TruncatedPickleError);
    assertEquals(error.code, "invalid-pickle");
  }
});

Deno.test("unpickle() ends every random pickle with a value or a coded error", () => {
  const random = seededRandom(11);
  const codes = [...OPCODES.keys(), ".".charCodeAt(0)];
  const outcomes = new Map<string, number>();
  for (let run = 0; run < 20_000; run++) {
    const bytes = Uint8Array.from(
      { length: 2 + random() * 60 },
      () => random() < 0.8 ? codes[Math.floor(random() * codes.length)]! : random() * 256,
    );
    let outcome = "value";
    try {
      load(bytes);
    } catch (error) {
      assert(error instanceof TinygraftError, `${bytes.toHex()}: ${error}`);
      outcome = error.code;
    }
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  for (const outcome of ["value", "unsafe-pickle", "invalid-pickle"]) {
    assert((outcomes.get(outcome) ?? 0) > 20, JSON.stringify([...outcomes]));
  }
});
