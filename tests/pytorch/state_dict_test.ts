import { assert, assertEquals, assertThrows } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { findStateDict } from "../../lib/pytorch/state_dict.ts";
import { StorageTable } from "../../lib/pytorch/file.ts";
import { bytesOf, dict, int, load, pickle, type Piece, storage, tensor, tuple } from "./_pickle.ts";

const ARRAY = tensor(storage("FloatStorage", "0", 1), { shape: [1], strides: [1] });
const SCALAR = tensor(storage("FloatStorage", "1", 1), {});

function find(root: Piece, stateDict?: string) {
  const value = load(pickle(root), { findStorage: new StorageTable("a.pt").find });
  const { name, tensors, ignored } = findStateDict(value, { path: "a.pt", stateDict });
  return { name, tensors: [...tensors.keys()], ignored: [...ignored] };
}

function refusal(root: Piece, stateDict?: string): [code: string, message: string] {
  const error = assertThrows(() => find(root, stateDict), TinygraftError);
  return [error.code, error.message];
}

Deno.test("findStateDict() takes the file's own dict, and names what is no tensor", () => {
  assertEquals(find(dict({ a: ARRAY, epoch: int(3), b: SCALAR })), {
    name: "",
    tensors: ["a", "b"],
    ignored: ["epoch"],
  });
});

Deno.test("findStateDict() takes the only dict of tensors within others", () => {
  const state = dict({ a: ARRAY, version: int(1) });
  const inner = { name: "model.state_dict", tensors: ["a"] };
  assertEquals(find(dict({ epoch: int(3), model: dict({ args: "N", state_dict: state }) })), {
    ...inner,
    ignored: ["epoch", "model.args", "model.state_dict.version"],
  });
});

Deno.test("findStateDict() passes over optimizers, lone scalars and dicts by number", () => {
  const optimizer = dict({ state: dict({ w: dict({ exp_avg: ARRAY }) }), param_groups: "]" });
  const byNumber = bytesOf("}", int(0), dict({ exp_avg: ARRAY }), "s");
  const root = dict({
    model: dict({ a: ARRAY }),
    optimizer,
    momentum: byNumber,
    losses: dict({ train: SCALAR, dev: SCALAR }),
    best: SCALAR,
    history: bytesOf("]", dict({ w: ARRAY }), "a"),
  });
  assertEquals(find(root), {
    name: "model",
    tensors: ["a"],
    ignored: ["optimizer", "momentum", "losses", "best", "history"],
  });
  // Scalars alone are better than nothing.
  assertEquals(find(dict({ losses: dict({ train: SCALAR }) })).name, "losses");
});

Deno.test("findStateDict() refuses to choose, and takes what is chosen", () => {
  const root = dict({
    model: dict({ a: ARRAY }),
    ema: dict({ shadow: dict({ b: ARRAY }) }),
    "x\x1b": dict({ c: ARRAY }),
  });
  assertEquals(refusal(root), [
    "ambiguous-state-dict",
    'Cannot read "a.pt": found 3 dicts of tensors, "model", "x\\u001b", "ema.shadow", expected ' +
    "one: choose one of them (--state-dict)",
  ]);
  assertEquals(find(root, "ema.shadow").tensors, ["b"]);
  assertEquals(refusal(root, "emma"), [
    "no-state-dict",
    'Cannot read "a.pt": found no dict of tensors at "emma": expected one of "model", "x\\u001b", ' +
    '"ema.shadow"',
  ]);
  const both = dict({ a: ARRAY, inner: dict({ b: ARRAY }) });
  assertEquals(refusal(both)[0], "ambiguous-state-dict");
  assertEquals(find(both, "").tensors, ["a"]);
});

Deno.test("findStateDict() says what a file without one holds", () => {
  const cases: [string, Piece][] = [
    ["a tensor", ARRAY],
    ["a list", bytesOf("](", ARRAY, "e")],
    ["an int", int(7)],
    ["None", "N"],
    ["dicts without a tensor", dict({ a: int(1), b: tuple(ARRAY) })],
    ["dicts without a tensor", bytesOf("}", int(0), ARRAY, "s")],
  ];
  for (const [found, root] of cases) {
    assertEquals(refusal(root), [
      "no-state-dict",
      `Cannot read "a.pt": found ${found}, expected a dict of tensors: save the model's ` +
      "state_dict() with torch.save",
    ]);
  }
});

Deno.test("findStateDict() ends on dicts that hold themselves or each other many times", () => {
  const self = bytesOf("}q\x00(X\x01\0\0\0sh\x00X\x01\0\0\0a", ARRAY, "u");
  assertEquals(find(self), { name: "", tensors: ["a"], ignored: ["s"] });
  // Each dict holds the next one twice: 2^16 paths, 17 dicts.
  let web: Uint8Array = dict({ a: ARRAY });
  for (let i = 0; i < 14; i++) {
    web = bytesOf(
      "}(X\x01\0\0\0l",
      web,
      `q${String.fromCharCode(i)}`,
      `X\x01\0\0\0rh${String.fromCharCode(i)}u`,
    );
  }
  const begin = performance.now();
  assertEquals(find(web).tensors, ["a"]);
  assert(performance.now() - begin < 1000);
  // Beyond the depth that is searched.
  let deep: Uint8Array = dict({ a: ARRAY });
  for (let i = 0; i < 40; i++) deep = dict({ d: deep });
  assertEquals(refusal(deep)[0], "no-state-dict");
});
