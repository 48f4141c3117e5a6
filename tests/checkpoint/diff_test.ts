import { assertEquals, assertRejects } from "@std/assert";
import { CHUNK_BYTES } from "../../lib/checkpoint/chunks.ts";
import {
  type CheckpointDifference,
  diffCheckpoints,
  type DiffOptions,
} from "../../lib/checkpoint/diff.ts";
import { openCheckpoint } from "../../lib/checkpoint/open.ts";
import { InterruptedError } from "../../lib/errors.ts";
import { serialize } from "../../lib/safetensors/writer.ts";
import { encodeFloats } from "../../lib/tensor/decode.ts";
import type { Dtype, FloatDtype } from "../../lib/tensor/dtype.ts";
import { noise } from "../_noise.ts";
import { writeTinyBert } from "../_tiny_model.ts";
import { TempFolder } from "./_disk.ts";

interface Spec {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly data: Uint8Array<ArrayBuffer>;
}
type Specs = Readonly<Record<string, Spec>>;

function floats(values: readonly number[], dtype: FloatDtype = "F32"): Spec {
  return { dtype, shape: [values.length], data: encodeFloats(Float64Array.from(values), dtype) };
}

function file(specs: Specs, metadata: Record<string, string> = {}): Uint8Array {
  const tensors = Object.entries(specs).map(([name, spec]) => ({ name, ...spec }));
  return serialize(tensors, new Map(Object.entries(metadata)));
}

async function diffPaths(a: string, b: string, options?: DiffOptions) {
  using left = await openCheckpoint(a);
  using right = await openCheckpoint(b);
  return await diffCheckpoints(left, right, options);
}

async function diffOf(a: Specs, b: Specs, options?: DiffOptions): Promise<CheckpointDifference> {
  using folder = new TempFolder();
  const [left, right] = [
    folder.write("a.safetensors", file(a)),
    folder.write("b.safetensors", file(b)),
  ];
  return await diffPaths(left, right, options);
}

const NO_METADATA = { onlyInA: [], onlyInB: [], changed: [] };

Deno.test("diffCheckpoints() lists names of either side, dtypes and shapes without values", async () => {
  const a = {
    same: floats([1]),
    gone: floats([1]),
    cast: floats([1, 2]),
    bent: { ...floats([1, 2]), shape: [1, 2] },
  };
  const b = {
    same: floats([9]),
    cast: floats([1, 2], "F16"),
    bent: floats([1, 2]),
    come: floats([]),
  };
  assertEquals(await diffOf(a, b), {
    equal: false,
    valuesCompared: false,
    common: 3,
    withinTolerance: 0,
    onlyInA: ["gone"],
    onlyInB: ["come"],
    changed: [
      {
        name: "bent",
        differs: ["shape"],
        a: { dtype: "F32", shape: [1, 2] },
        b: { dtype: "F32", shape: [2] },
        values: null,
      },
      {
        name: "cast",
        differs: ["dtype"],
        a: { dtype: "F32", shape: [2] },
        b: { dtype: "F16", shape: [2] },
        values: null,
      },
    ],
    metadata: NO_METADATA,
  });
});

Deno.test("diffCheckpoints() sorts by change: shapes, non-finite, relative L2, name", async () => {
  const ones = floats([1, 1]);
  const half = floats([1, 1.5]);
  const base = { a: ones, b: ones, c: ones, d: ones, e: ones, same: ones, zero: floats([0]) };
  const changed = {
    a: half,
    b: floats([1, NaN]),
    c: floats([1, 3]),
    d: half,
    e: floats([1]),
    same: ones,
    zero: floats([1e-9]),
  };
  const found = await diffOf(base, changed, { values: true });
  assertEquals(found.changed.map(({ name }) => name), ["e", "b", "zero", "c", "a", "d"]);
  assertEquals(found.changed.map(({ differs }) => differs.join()), [
    "shape",
    ...Array<string>(5).fill("values"),
  ]);
});

Deno.test("diffCheckpoints() compares bits without a tolerance: -0 and NaN bits count", async () => {
  const nan = (word: number): Spec => ({
    dtype: "F32",
    shape: [1],
    data: new Uint8Array(Uint32Array.of(word).buffer),
  });
  const a = { nan: nan(0x7fc00000), same: nan(0x7fc00001), zero: floats([0]) };
  const b = { nan: nan(0x7fc00001), same: nan(0x7fc00001), zero: floats([-0]) };
  const exact = await diffOf(a, b, { values: true });
  assertEquals(exact.changed.map(({ name }) => name), ["nan", "zero"]);
  const loose = await diffOf(a, b, { values: true, tolerance: { rtol: 0, atol: 0 } });
  assertEquals([loose.equal, loose.withinTolerance], [true, 2]);
});

Deno.test("diffCheckpoints() leaves out what is within the tolerance and counts it", async () => {
  const a = { x: floats([1, 2]), y: floats([1, 2]), z: floats([1, 2]) };
  const b = { x: floats([1, 2.25]), y: floats([1.5, 2]), z: floats([1, 2]) };
  const found = await diffOf(a, b, { values: true, tolerance: { rtol: 0, atol: 0.25 } });
  assertEquals([found.equal, found.withinTolerance], [false, 1]);
  assertEquals(found.changed.map(({ name, values }) => [name, values?.outside]), [["y", 1]]);
  // One side only NaN is within no tolerance.
  const nan = await diffOf({ x: floats([1]) }, { x: floats([NaN]) }, {
    values: true,
    tolerance: { rtol: 1e9, atol: 1e9 },
  });
  assertEquals(nan.equal, false);
});

Deno.test("diffCheckpoints() compares other dtypes by value and still reports the dtype", async () => {
  const found = await diffOf({ w: floats([1, 0.5]), v: floats([1 / 3]) }, {
    w: floats([1, 0.5], "BF16"),
    v: floats([1 / 3], "F64"),
  }, { values: true });
  assertEquals(found.equal, false);
  const [v, w] = found.changed;
  assertEquals([v?.name, v?.differs, v?.values?.differing], ["v", ["dtype", "values"], 1]);
  assertEquals([w?.name, w?.differs, w?.values?.maxAbs], ["w", ["dtype"], 0]);
  assertEquals(w?.values?.maxUlps, null);
});

Deno.test("diffCheckpoints() compares what is no real number byte for byte", async () => {
  const complex = (last: number): Spec => ({
    dtype: "C64",
    shape: [1],
    data: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, last),
  });
  const small = (byte: number): Spec => ({ dtype: "F4", shape: [2], data: Uint8Array.of(byte) });
  const same = await diffOf({ c: complex(1), f: small(1) }, { c: complex(1), f: small(1) }, {
    values: true,
  });
  assertEquals(same.equal, true);
  const other = await diffOf({ c: complex(1), f: small(1) }, { c: complex(2), f: small(2) }, {
    values: true,
    tolerance: { rtol: 1, atol: 1 },
  });
  assertEquals(other.changed.map(({ name, differs, values }) => [name, differs, values]), [
    ["c", ["values"], null],
    ["f", ["values"], null],
  ]);
});

Deno.test("diffCheckpoints() finds shards and one file equal, and the one changed byte", async () => {
  using folder = new TempFolder();
  const [single, sharded] = [folder.join("single"), folder.join("sharded")];
  await writeTinyBert(single, { layers: 1 });
  await writeTinyBert(sharded, { layers: 1, sharded: true });
  const equal = await diffPaths(single, sharded, { values: true });
  assertEquals([equal.equal, equal.changed, equal.metadata], [true, [], NO_METADATA]);
  const path = `${single}/model.safetensors`;
  const bytes = await Deno.readFile(path);
  bytes[bytes.length - 1]! ^= 1;
  await Deno.writeFile(path, bytes);
  const changed = await diffPaths(single, sharded, { values: true });
  assertEquals(changed.changed.map(({ values }) => values?.differing), [1]);
});

Deno.test("diffCheckpoints() reports metadata, also where shards of one side disagree", async () => {
  using folder = new TempFolder();
  const a = folder.write("a.safetensors", file({}, { format: "pt", gone: "1", x: "old" }));
  const b = folder.write("b.safetensors", file({}, { format: "pt", come: "2", x: "new" }));
  assertEquals((await diffPaths(a, b)).metadata, {
    onlyInA: ["gone"],
    onlyInB: ["come"],
    changed: [{ key: "x", a: "old", b: "new" }],
  });
  assertEquals((await diffPaths(a, b)).equal, false);
  folder.write("s/model-00001-of-00002.safetensors", file({ p: floats([1]) }, { x: "2" }));
  folder.write("s/model-00002-of-00002.safetensors", file({ q: floats([1]) }, { x: "1" }));
  folder.write(
    "s/model.safetensors.index.json",
    JSON.stringify({
      metadata: { total_size: 8 },
      weight_map: { p: "model-00001-of-00002.safetensors", q: "model-00002-of-00002.safetensors" },
    }),
  );
  const { metadata } = await diffPaths(folder.join("s"), b);
  assertEquals(metadata.changed, [{ key: "x", a: '["1","2"]', b: "new" }]);
});

Deno.test("diffCheckpoints() streams tensors longer than a chunk, of unlike widths", async () => {
  const length = CHUNK_BYTES / 4 + 1001;
  const values = noise(length, { seed: 3 });
  const other = values.slice();
  other[length - 1] = 100;
  const spec = (data: Float32Array<ArrayBuffer>, dtype: FloatDtype): Spec => ({
    dtype,
    shape: [length],
    data: encodeFloats(data, dtype),
  });
  const seen: [number, number][] = [];
  const found = await diffOf({ w: spec(values, "F32") }, { w: spec(other, "F64") }, {
    values: true,
    onProgress: (done, total) => seen.push([done, total]),
  });
  const { values: measured } = found.changed[0]!;
  assertEquals(
    [measured?.differing, measured?.maxAbs],
    [1, 100 - values[length - 1]!],
  );
  assertEquals(seen.at(-1), [4 * length, 4 * length]);
  assertEquals(seen.length, 3); // a chunk holds half a mebi of the wider elements
});

Deno.test("diffCheckpoints() stops when aborted", async () => {
  const options = { values: true, signal: AbortSignal.abort() };
  await assertRejects(
    () => diffOf({ w: floats([1]) }, { w: floats([2]) }, options),
    InterruptedError,
  );
});
