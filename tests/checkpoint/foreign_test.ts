import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openForeign } from "../../lib/checkpoint/foreign.ts";
import { readFloats, readTensor } from "../../lib/checkpoint/open.ts";
import { type ErrorCode, TinygraftError } from "../../lib/errors.ts";
import { dict, pytorchZip, storage, tensor } from "../pytorch/_pickle.ts";
import { zip } from "../zip/_zip.ts";
import { TempFolder, tensorFile } from "./_disk.ts";

const FIXTURES = fromFileUrl(new URL("../pytorch/fixtures/", import.meta.url));

/** What PyTorch says its files hold: file, then tensor, to dtype, shape and bytes. */
function expectedTensors(): Map<string, Map<string, unknown>> {
  const files = new Map<string, Map<string, unknown>>();
  const text = Deno.readTextFileSync(`${FIXTURES}expected.tsv`);
  for (const line of text.split("\n").slice(1, -1)) {
    const [file = "", name = "", dtype, shape = "", data = ""] = line.split("\t");
    const sizes = shape === "" ? [] : shape.split("x").map(Number);
    const tensors = files.get(file) ?? new Map<string, unknown>();
    files.set(file, tensors.set(name, { dtype, shape: sizes, bytes: Uint8Array.fromBase64(data) }));
  }
  return files;
}

Deno.test("openForeign() reads what PyTorch wrote, as PyTorch reads it", async () => {
  const files = expectedTensors();
  assertEquals(files.size, 11);
  for (const [name, want] of files) {
    using checkpoint = await openForeign(`${FIXTURES}${name}`);
    assert(checkpoint !== undefined, name);
    const found = new Map<string, unknown>();
    for (const entry of checkpoint.files[0]!.header.tensors.keys()) {
      const { dtype, shape, ...rest } = checkpoint.tensors.get(entry)!;
      found.set(entry, { dtype, shape, bytes: await readTensor({ dtype, shape, ...rest }) });
    }
    assertEquals(found, want, name);
    assertEquals(checkpoint.format, name.includes("legacy") ? "pytorch-legacy" : "pytorch");
    assertEquals(Object.fromEntries(checkpoint.metadata), { format: "pt" });
  }
});

Deno.test("openForeign() finds a trainer's state dict and says what it leaves out", async () => {
  for (const name of ["trainer.ckpt", "trainer_legacy.ckpt", "protocol1.pt", "protocol5.pt"]) {
    using checkpoint = (await openForeign(`${FIXTURES}${name}`))!;
    assertEquals(checkpoint.stateDict, "state_dict");
    const ignored = "epoch optimizer max_dev_metric loss history big device";
    assertEquals(checkpoint.ignored.join(" "), ignored);
    assertEquals(checkpoint.tensors.size, 7);
  }
});

Deno.test("openForeign() names tensors that share bytes", async () => {
  for (const name of ["views.bin", "views_legacy.bin"]) {
    using checkpoint = (await openForeign(`${FIXTURES}${name}`))!;
    assertEquals(checkpoint.shared, [
      ["embedding.weight", "head.weight"],
      ["transposed", "slice", "rows"],
      ["permuted", "inner"],
    ]);
  }
});

Deno.test("openForeign() refuses what is no dict of plain tensors", async () => {
  const cases: [file: string, code: ErrorCode, found: string][] = [
    ["quantised.pt", "unsupported-tensor", 'tensor "w"'],
    ["sparse.pt", "unsupported-tensor", "it is sparse"],
    ["conjugate.pt", "unsupported-tensor", "resolve_conj()"],
    ["double_complex.pt", "unsupported-dtype", "complex128"],
    ["meta.pt", "unsupported-tensor", "on the meta device"],
    ["module.pt", "unsafe-pickle", '"torch.nn.modules.linear.Linear"'],
    ["two.pt", "ambiguous-state-dict", '"model", "ema"'],
    ["tensor.pt", "no-state-dict", "found a tensor"],
    ["script.pt", "no-state-dict", "TorchScript"],
  ];
  for (const [file, code, found] of cases) {
    const path = `${FIXTURES}${file}`;
    const error = await assertRejects(() => openForeign(path), TinygraftError, found);
    assertEquals([error.code, error.path], [code, path], file);
  }
  using chosen = (await openForeign(`${FIXTURES}two.pt`, { stateDict: "ema" }))!;
  assertEquals([...await readFloats(chosen.tensors.get("w")!)], [0, 0]);
});

Deno.test("openForeign() leaves files of other formats alone", async () => {
  using folder = new TempFolder();
  const others = [
    tensorFile({ w: [1, 2, 3] }),
    new TextEncoder().encode("version https://git-lfs"),
    await zip([{ name: "word/document.xml", data: new Uint8Array(3) }]),
    await zip([]),
    new Uint8Array(),
    Uint8Array.of(0x80),
  ];
  for (const bytes of others) {
    assertEquals(await openForeign(folder.write("a.bin", bytes)), undefined);
  }
  const error = await assertRejects(() => openForeign(folder.join("none.pt")), TinygraftError);
  assertEquals(error.code, "not-found");
});

Deno.test("openForeign() refuses a truncated download, whatever its length", async () => {
  using folder = new TempFolder();
  const whole = await Deno.readFile(`${FIXTURES}dtypes.pt`);
  for (const length of [whole.length - 1, whole.length >> 1, 100, 4]) {
    const path = folder.write("a.pt", whole.subarray(0, length));
    const error = await assertRejects(() => openForeign(path), TinygraftError, "truncated");
    assertEquals(error.code, "invalid-zip");
  }
});

Deno.test("openForeign() refuses a file that claims far more than it holds", async () => {
  using folder = new TempFolder();
  const one = storage("FloatStorage", "0", 1);
  const file = (shape: number[]) =>
    pytorchZip(dict({ w: tensor(one, { shape, strides: shape.map(() => 0) }) }), {
      0: Uint8Array.of(0, 0, 0x80, 0x3f),
    });
  const bomb = folder.write("bomb.pt", await file([2 ** 20, 2 ** 20]));
  const error = await assertRejects(() => openForeign(bomb), TinygraftError, "would have 43980465");
  assertEquals(error.code, "unsafe-pickle");
  const beyond = folder.write("beyond.pt", await file([2 ** 30, 2 ** 30]));
  await assertRejects(() => openForeign(beyond), TinygraftError, "at most 2^53 - 1");
  using modest = (await openForeign(folder.write("modest.pt", await file([1000]))))!;
  assert((await readFloats(modest.tensors.get("w")!)).every((value) => value === 1));
});

Deno.test("openForeign() reads a range that spans tensors, as a copy of the file would", async () => {
  using checkpoint = (await openForeign(`${FIXTURES}views.bin`))!;
  const [file] = checkpoint.files;
  const { source } = file!;
  const whole = await source.read(0, source.byteLength);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < whole.length; at += 7) {
    parts.push(await source.read(at, Math.min(at + 7, whole.length)));
  }
  assertEquals(Uint8Array.from(parts.flatMap((part) => [...part])), whole);
  for (const { name, dataOffsets: [begin, end] } of checkpoint.tensors.values()) {
    assertEquals(await readTensor(checkpoint.tensors.get(name)!), whole.slice(begin, end), name);
  }
  await assertRejects(() => source.read(0, whole.length + 1), TinygraftError);
});

Deno.test("openForeign() notices that the file changes under it", async () => {
  using folder = new TempFolder();
  const path = folder.join("a.pt");
  await Deno.copyFile(`${FIXTURES}dtypes.pt`, path);
  using checkpoint = (await openForeign(path))!;
  const entry = checkpoint.tensors.get("f32")!;
  await readTensor(entry);
  await Deno.utime(path, 1, 1);
  const error = await assertRejects(() => readTensor(entry), TinygraftError);
  assertEquals(error.code, "changed-while-open");
});

Deno.test("openForeign() takes config.json beside the file", async () => {
  using folder = new TempFolder();
  await Deno.copyFile(`${FIXTURES}dtypes.pt`, folder.join("a.pt"));
  folder.write("config.json", '{"model_type":"bert"}');
  using checkpoint = (await openForeign(folder.join("a.pt")))!;
  assertEquals(checkpoint.config, { model_type: "bert" });
  assertEquals([checkpoint.kind, checkpoint.folder], ["file", folder.path]);
});

Deno.test("openForeign() reads .npz files, compressed or not", async () => {
  using folder = new TempFolder();
  const header = "{'descr': '>u2', 'fortran_order': True, 'shape': (2, 2), }\n";
  const data = new Uint8Array(10 + header.length + 8);
  data.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]);
  data.set(new TextEncoder().encode(header), 10);
  data.set([0, 1, 0, 2, 0, 3, 0, 4], 10 + header.length);
  for (const method of [0, 8]) {
    const bytes = await zip([{ name: "layer/w.npy", data, method }]);
    using checkpoint = (await openForeign(folder.write("a.npz", bytes)))!;
    assertEquals(checkpoint.format, "npz");
    assertEquals(checkpoint.metadata.size, 0);
    const entry = checkpoint.tensors.get("layer/w")!;
    assertEquals([entry.dtype, entry.shape], ["U16", [2, 2]]);
    assertEquals(await readTensor(entry), Uint8Array.of(1, 0, 3, 0, 2, 0, 4, 0));
  }
});

Deno.test("openForeign() ends every damaged file with tensors or a coded error", async () => {
  using folder = new TempFolder();
  const codes = new Map<string, number>();
  for (const name of ["views.bin", "trainer_legacy.ckpt", "protocol4.pt"]) {
    const whole = await Deno.readFile(`${FIXTURES}${name}`);
    for (let at = 0; at < whole.length; at += 11) {
      const bytes = whole.slice();
      bytes[at] = bytes[at]! ^ (1 << (at % 8));
      const path = folder.write("a.pt", bytes);
      let code = "none";
      try {
        using checkpoint = await openForeign(path);
        for (const entry of checkpoint?.tensors.values() ?? []) await readTensor(entry);
      } catch (error) {
        assert(error instanceof TinygraftError, `${name} at ${at}: ${error}`);
        assertStringIncludes(error.message, path);
        code = error.code;
      }
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
  }
  for (const code of ["none", "invalid-zip", "invalid-pickle", "unsafe-pickle"]) {
    assert((codes.get(code) ?? 0) > 20, JSON.stringify([...codes]));
  }
});
