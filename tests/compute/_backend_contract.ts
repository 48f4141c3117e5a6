// What every backend promises; each backend's tests run this on it.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { Backend } from "../../lib/compute/backend.ts";
import { DeviceError } from "../../lib/errors.ts";
import { assertClose } from "../_close.ts";

/** Opens a backend with room for so many tokens; undefined where its absence is allowed. */
export type Open = (maxTokens: number) => Promise<Backend | undefined>;

const ONE_SEQUENCE = { tokens: 2, starts: Uint32Array.of(0, 2) };

/** Registers the tests of the contract for one backend. */
export function testBackendContract(name: string, open: Open): void {
  const test = (promise: string, body: (backend: Backend) => Promise<void> | void) =>
    Deno.test(`${name}: ${promise}`, async () => {
      const backend = await open(8);
      if (backend === undefined) return;
      try {
        await body(backend);
      } finally {
        backend.destroy();
      }
    });

  test("read() gives back what write() wrote, at any width", async (backend) => {
    backend.begin({ tokens: 3, starts: Uint32Array.of(0, 1, 3) });
    for (const cols of [1, 3, 4, 5, 100]) {
      const tokens = backend.value("tokens", "tokens", cols);
      const sequences = backend.value("sequences", "sequences", cols);
      const data = Float32Array.from({ length: 3 * cols }, (_, i) => i - 7.5);
      backend.write(tokens, data);
      backend.write(sequences, data.subarray(0, 2 * cols));
      assertEquals(await backend.read([sequences, tokens]), [data.slice(0, 2 * cols), data]);
    }
  });

  test("a value of the batch as a whole has one row, however long", async (backend) => {
    backend.begin({ tokens: 3, starts: Uint32Array.of(0, 1, 3) });
    for (const cols of [1, 5, 4096, 9001]) { // textures fold a row after 4096 columns
      const [x, y] = [backend.value("x", "batch", cols), backend.value("y", "batch", cols)];
      const data = Float32Array.from({ length: cols }, (_, i) => i - 7.5);
      backend.write(x, data);
      backend.run({ op: "add", x, residual: x, y });
      assertEquals(await backend.read([x, y]), [data, data.map((number) => 2 * number)]);
      assertThrows(() => backend.write(x, new Float32Array(cols + 1)), RangeError, "elements");
    }
  });

  test("sums over a batch do not see what an earlier, longer batch left", async (backend) => {
    const [x, dy] = [backend.value("x", "tokens", 1), backend.value("dy", "tokens", 1)];
    const [row, rowSlope] = [
      backend.value("r", "sequences", 1),
      backend.value("s", "sequences", 1),
    ];
    const gradient = backend.value("gradient", "batch", 2);
    backend.begin({ tokens: 8, starts: Uint32Array.from({ length: 9 }, (_, i) => i) });
    for (const value of [x, dy, row, rowSlope]) backend.write(value, new Float32Array(8).fill(NaN));
    await backend.read([x]);
    backend.begin({ tokens: 3, starts: Uint32Array.of(0, 1, 3) });
    backend.write(x, Float32Array.of(1, 2, 3));
    backend.write(dy, Float32Array.of(10, 0, 100));
    backend.run({ op: "linearGradient", x, dy, gradient });
    assertEquals(await backend.read([gradient]), [Float32Array.of(310, 110)]);
    backend.write(row, Float32Array.of(1, 2));
    backend.write(rowSlope, Float32Array.of(10, 100));
    backend.run({ op: "linearGradient", x: row, dy: rowSlope, gradient });
    assertEquals(await backend.read([gradient]), [Float32Array.of(210, 110)]);
    backend.run({ op: "layerNormGradient", x, eps: 1, dy, gradient });
    assertEquals(await backend.read([gradient]), [Float32Array.of(0, 110)]);
    backend.run({ op: "scatter", x: row, y: dy });
    assertEquals(await backend.read([dy]), [Float32Array.of(1, 2, 0)]);
  });

  test("begin(), write(), run() and free() take effect in order", async (backend) => {
    const x = backend.value("x", "tokens", 1);
    const [y, z] = [backend.value("y", "tokens", 1), backend.value("z", "tokens", 1)];
    const weight = backend.weight("weight", Float32Array.of(2), 1, 1);
    const bias = backend.weight("bias", Float32Array.of(1), 1, 1);
    const double = { op: "linear", weight, bias, activation: "none" } as const;
    const data = Float32Array.of(1, 2, 3);
    backend.begin({ tokens: 3, starts: Uint32Array.of(0, 3) });
    backend.write(x, data);
    data.fill(9); // write() has copied
    backend.run({ ...double, x, y });
    backend.write(x, Float32Array.of(10, 20, 30));
    backend.run({ ...double, x, y: z });
    backend.begin(ONE_SEQUENCE);
    backend.write(x, Float32Array.of(-1, -2));
    backend.free(weight);
    const freed = "freed or belongs to another backend";
    assertThrows(() => backend.run({ ...double, x, y }), TypeError, freed);
    backend.begin({ tokens: 3, starts: Uint32Array.of(0, 3) });
    const [first, second, third] = await backend.read([y, z, x]);
    assertEquals(first, Float32Array.of(3, 5, 7));
    assertEquals(second, Float32Array.of(21, 41, 61));
    assertEquals(third, Float32Array.of(-1, -2, 30));
  });

  test("linear and layerNorm run on rows that follow the sequences", async (backend) => {
    const [x, y] = [backend.value("x", "sequences", 2), backend.value("y", "sequences", 2)];
    const z = backend.value("z", "sequences", 2);
    const weight = backend.weight("weight", Float32Array.of(1, 1, 1, -1), 2, 2);
    const [ones, zeros] = [Float32Array.of(1, 1), Float32Array.of(0, 0)];
    const [gain, bias] = [backend.weight("gain", ones, 1, 2), backend.weight("bias", zeros, 1, 2)];
    backend.begin({ tokens: 7, starts: Uint32Array.of(0, 3, 7) });
    backend.write(x, Float32Array.of(1, 2, 3, 5));
    backend.run({ op: "linear", x, weight, bias, activation: "none", y });
    backend.run({ op: "layerNorm", x: y, residual: x, weight: gain, bias, eps: 12, y: z });
    // (1 2) -> (3 -1), plus x: (4 1), deviation 1.5; (3 5) -> (8 -2), plus x: (11 3), deviation 4.
    const [linear, norm] = await backend.read([y, z]);
    assertEquals(linear, Float32Array.of(3, -1, 8, -2));
    const [small, large] = [1.5 / Math.sqrt(14.25), 4 / Math.sqrt(28)];
    assertClose(norm!, [small, -small, large, -large], { atol: 0, rtol: 1e-6 });
  });

  test("reads that overlap keep their order", async (backend) => {
    const x = backend.value("x", "tokens", 1);
    backend.begin(ONE_SEQUENCE);
    backend.write(x, Float32Array.of(1, 2));
    const first = backend.read([x]);
    backend.write(x, Float32Array.of(3, 4));
    const second = backend.read([x]);
    assertEquals(await Promise.all([first, second]), [
      [Float32Array.of(1, 2)],
      [Float32Array.of(3, 4)],
    ]);
  });

  test("a later, shorter batch is not touched by what an earlier one left", async (backend) => {
    const qkv = backend.value("qkv", "tokens", 3);
    const y = backend.value("y", "tokens", 1);
    backend.begin({ tokens: 8, starts: Uint32Array.of(0, 8) });
    backend.write(qkv, new Float32Array(24).fill(NaN));
    await backend.read([qkv]);
    backend.begin({ tokens: 3, starts: Uint32Array.of(0, 1, 3) });
    backend.write(qkv, Float32Array.of(0, 0, 5, 0, 0, 1, 0, 0, 2));
    backend.run({ op: "attention", qkv, numHeads: 1, y });
    assertEquals(await backend.read([y]), [Float32Array.of(5, 1.5, 1.5)]);
  });

  test("select and attention compute the selected tokens only", async (backend) => {
    const qkv = backend.value("qkv", "tokens", 3);
    const [row, y] = [backend.value("row", "sequences", 3), backend.value("y", "sequences", 1)];
    // Queries 0 give the mean of the sequence's values; a query of ln 3 against keys 1 and 0
    // weighs them by 3/4 and 1/4.
    const data = Float32Array.of(0, 0, 4, ...[0, 0, 8, Math.log(3), 1, 4, 0, 0, 6]);
    const batch = { tokens: 4, starts: Uint32Array.of(0, 1, 4) };
    backend.begin({ ...batch, selected: Uint32Array.of(0, 2) });
    backend.write(qkv, data);
    backend.run({ op: "select", x: qkv, y: row });
    backend.run({ op: "attention", qkv, numHeads: 1, y });
    const [rows, attended] = await backend.read([row, y]);
    assertEquals(rows, Float32Array.of(0, 0, 4, Math.fround(Math.log(3)), 1, 4));
    assertClose(attended!, [4, (3 * 4 + 8 + 6) / 5], { atol: 0, rtol: 1e-6 });
    backend.begin(batch); // the first token of each, when nothing is said
    backend.write(qkv, data);
    backend.run({ op: "select", x: qkv, y: row });
    backend.run({ op: "attention", qkv, numHeads: 1, y });
    const [first, means] = await backend.read([row, y]);
    assertEquals(first, Float32Array.of(0, 0, 4, 0, 0, 8));
    assertClose(means!, [4, 6], { atol: 0, rtol: 1e-6 });
  });

  for (
    const [activation, want] of [
      // Of -1000, -1, 0, 2 and 1000; geluTanh by x / 2 (1 + tanh(0.79788456 (x + 0.044715 x³))).
      ["relu", [0, 0, 0, 2, 1000]],
      ["tanh", [-1, -0.76159416, 0, 0.96402758, 1]],
      ["gelu", [0, -0.15865525, 0, 1.95449974, 1000]],
      ["geluTanh", [0, -0.15880801, 0, 1.95459769, 1000]],
    ] as const
  ) {
    test(`linear applies ${activation}, without overflow`, async (backend) => {
      const [x, y] = [backend.value("x", "sequences", 1), backend.value("y", "sequences", 1)];
      const weight = backend.weight("weight", Float32Array.of(1), 1, 1);
      const bias = backend.weight("bias", Float32Array.of(1), 1, 1);
      backend.begin({ tokens: 5, starts: Uint32Array.of(0, 1, 2, 3, 4, 5) });
      backend.write(x, Float32Array.of(-1001, -2, -1, 1, 999));
      backend.run({ op: "linear", x, weight, bias, activation, y });
      assertClose((await backend.read([y]))[0]!, [...want], { atol: 5e-7, rtol: 1e-6 });
    });
  }

  test("a constant row normalises to the bias, even with eps 1e-12", async (backend) => {
    const [x, y] = [backend.value("x", "tokens", 7), backend.value("y", "tokens", 7)];
    const weight = backend.weight("weight", new Float32Array(7).fill(3), 1, 7);
    const bias = backend.weight("bias", Float32Array.of(1, 2, 3, 4, 5, 6, 7), 1, 7);
    backend.begin(ONE_SEQUENCE);
    backend.write(x, Float32Array.from({ length: 14 }, (_, i) => i < 7 ? 0.1 : 1e6));
    backend.run({ op: "layerNorm", x, weight, bias, eps: 1e-12, y });
    assertEquals(await backend.read([y]), [
      Float32Array.of(1, 2, 3, 4, 5, 6, 7, 1, 2, 3, 4, 5, 6, 7),
    ]);
  });

  test("a tiny-attention module with a zero output is the identity", async (backend) => {
    const hidden = 6;
    const ones = (label: string, rows: number, cols: number) =>
      backend.weight(label, new Float32Array(rows * cols).fill(1), rows, cols);
    const zeros = (label: string, rows: number, cols: number) =>
      backend.weight(label, new Float32Array(rows * cols), rows, cols);
    const a = backend.value("a", "tokens", hidden);
    const y = backend.value("y", "tokens", hidden);
    const data = Float32Array.from({ length: 2 * hidden }, (_, i) => Math.sin(i + 1));
    backend.begin(ONE_SEQUENCE);
    backend.write(a, data);
    backend.run({
      op: "tinyAttention",
      a,
      normWeight: ones("norm.weight", 1, hidden),
      normBias: ones("norm.bias", 1, hidden),
      eps: 1e-5,
      qkvWeight: ones("qkv.weight", 6, hidden),
      qkvBias: ones("qkv.bias", 1, 6),
      numHeads: 2,
      headDim: 1,
      scale: 0.5,
      outputWeight: zeros("output.weight", hidden, 2),
      outputBias: zeros("output.bias", 1, hidden),
      scratch: backend.value("scratch", "tokens", 6),
      y,
    });
    const [result] = await backend.read([y]);
    assertEquals(new Uint8Array(result!.buffer), new Uint8Array(data.buffer));
  });

  test("a NaN that goes in does not come out as a number", async (backend) => {
    const [x, y] = [backend.value("x", "tokens", 4), backend.value("y", "tokens", 4)];
    const weight = backend.weight("weight", new Float32Array(16).fill(1), 4, 4);
    const bias = backend.weight("bias", new Float32Array(4), 1, 4);
    backend.begin(ONE_SEQUENCE);
    backend.write(x, Float32Array.of(1, NaN, 1, 1, 1, 1, 1, 1));
    backend.run({ op: "linear", x, weight, bias, activation: "none", y });
    const [result] = await backend.read([y]);
    assert(result!.slice(0, 4).every(Number.isNaN));
    assertEquals(result!.slice(4), Float32Array.of(4, 4, 4, 4));
  });

  test("refuses batches that are empty, malformed or too large", (backend) => {
    const begin = (tokens: number, ...starts: number[]) => () =>
      backend.begin({ tokens, starts: Uint32Array.from(starts) });
    assertThrows(begin(9, 0, 9), RangeError, "9 tokens, expected at most 8");
    assertThrows(begin(0, 0), RangeError, "no sequence");
    assertThrows(begin(3, 0, 2, 2, 3), RangeError, "sequence 1 has no token");
    assertThrows(begin(3, 1, 3), RangeError, "starts at 1");
    assertThrows(begin(4, 0, 3), RangeError, "end at token 3");
    const selecting = (...selected: number[]) => () =>
      backend.begin({
        tokens: 3,
        starts: Uint32Array.of(0, 2, 3),
        selected: Uint32Array.from(selected),
      });
    assertThrows(selecting(1), RangeError, "1 tokens are selected, expected one of each of 2");
    assertThrows(selecting(2, 2), RangeError, "token 2 is selected of sequence 0, expected 0 to 1");
  });

  test("refuses data of another length", (backend) => {
    const x = backend.value("x", "tokens", 3);
    assertThrows(() => backend.weight("w", new Float32Array(5), 2, 3), RangeError, '"w"');
    assertThrows(() => backend.weight("w", new Float32Array(0), 0, 3), RangeError, "[0, 3]");
    assertThrows(() => backend.value("v", "tokens", 1.5), RangeError);
    backend.begin(ONE_SEQUENCE);
    assertThrows(() => backend.write(x, new Float32Array(9)), RangeError, "9 elements");
  });

  test("refuses what needs a batch before there is one", async (backend) => {
    const x = backend.value("x", "tokens", 1);
    assertThrows(() => backend.write(x, new Float32Array(1)), TypeError, "begin()");
    await assertRejects(() => backend.read([x]), TypeError, "begin()");
  });

  test("refuses what was freed or is of another backend", async (backend) => {
    const other = await open(8);
    const foreign = other!.value("foreign", "tokens", 3);
    const y = backend.value("y", "tokens", 1);
    backend.begin(ONE_SEQUENCE);
    assertThrows(
      () => backend.run({ op: "attention", qkv: foreign, numHeads: 1, y }),
      TypeError,
      '"foreign"',
    );
    backend.free(foreign); // not ours: nothing happens
    backend.free(y);
    backend.free(y);
    await assertRejects(() => backend.read([y]), TypeError, '"y"');
    other!.destroy();
  });

  test("everything throws a DeviceError after destroy()", async (backend) => {
    const x = backend.value("x", "tokens", 1);
    backend.begin(ONE_SEQUENCE);
    backend.write(x, Float32Array.of(1, 2));
    backend.destroy();
    backend.destroy();
    backend.free(x);
    const destroyed = "the backend was destroyed";
    assertThrows(() => backend.value("y", "tokens", 1), DeviceError, destroyed);
    assertThrows(() => backend.weight("y", new Float32Array(1), 1, 1), DeviceError, destroyed);
    assertThrows(() => backend.begin(ONE_SEQUENCE), DeviceError, destroyed);
    assertThrows(() => backend.write(x, Float32Array.of(1, 2)), DeviceError, destroyed);
    await assertRejects(() => backend.read([x]), DeviceError, destroyed);
  });

  test("destroy() ends a read that is under way", async (backend) => {
    const x = backend.value("x", "tokens", 1);
    backend.begin(ONE_SEQUENCE);
    backend.write(x, Float32Array.of(1, 2));
    const reading = backend.read([x]);
    backend.destroy();
    await assertRejects(() => reading, DeviceError);
  });
}
