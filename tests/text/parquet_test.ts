import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { DataError, InterruptedError } from "../../lib/errors.ts";
import { type ParquetOptions, readParquet } from "../../lib/text/parquet.ts";
import { findTask } from "../../lib/text/tasks.ts";
import { MemorySource } from "../../lib/tensor/byte_source.ts";

const SENTENCES = [
  "the lamp came quickly and works",
  "it broke on the first day",
  "",
  "Crème brûlée, 日本語 😀",
  'she said "never again"\n\tand left',
  "good",
  "bad ".repeat(40),
  "fine",
];
const LABELS = [1, 0, 1, 1, 0, 1, 0, 1];
const SST2: ParquetOptions = { path: "dev.parquet", task: findTask("sst2"), requireLabel: true };

/** A file in memory that notes which bytes were asked for. */
class Counted extends MemorySource {
  bytesRead = 0;

  override read(begin: number, end: number) {
    this.bytesRead += end - begin;
    return super.read(begin, end);
  }
}

function bytesOf(name: string): Uint8Array<ArrayBuffer> {
  return Deno.readFileSync(`fixtures/parquet/${name}.parquet`);
}

function read(name: string, options: Partial<ParquetOptions> = {}) {
  return readParquet([new MemorySource(bytesOf(name))], { ...SST2, ...options });
}

async function faultOf(reading: () => Promise<unknown>): Promise<DataError> {
  return await assertRejects(reading, DataError);
}

for (const name of ["snappy", "none", "gzip", "brotli", "lz4", "zstd", "v2"]) {
  Deno.test(`readParquet() reads what pyarrow wrote, ${name}`, async () => {
    const want = SENTENCES.map((text, i) => ({ text, label: LABELS[i]!, line: i + 1 }));
    assertEquals(await read(name), want);
  });
}

Deno.test("readParquet() reads pairs with scores by the task's columns", async () => {
  const rows = await read("pairs", { task: findTask("stsb") });
  assertEquals(rows, [
    { text: "a dog", pair: "a dog runs", label: 4.5, line: 1 },
    { text: "the cat sat", pair: "no", label: 0.25, line: 2 },
  ]);
});

Deno.test("readParquet() joins files and stops at the limit, also inside a row group", async () => {
  const files = () => ["snappy", "zstd"].map((name) => new MemorySource(bytesOf(name)));
  const lines = async (limit: number) =>
    (await readParquet(files(), { ...SST2, limit })).map(({ line, text }) => [line, text]);
  for (const limit of [1, 3, 4, 8, 10, 99]) {
    const want = [...SENTENCES, ...SENTENCES].slice(0, limit).map((text, i) => [i + 1, text]);
    assertEquals(await lines(limit), want, `${limit}`);
  }
});

Deno.test("readParquet() leaves alone what it was not asked for", async () => {
  const [all, first] = [new Counted(bytesOf("snappy")), new Counted(bytesOf("snappy"))];
  await readParquet([all], SST2);
  await readParquet([first], { ...SST2, limit: 2, requireLabel: false, task: undefined });
  assert(first.bytesRead < all.bytesRead, `${first.bytesRead} of ${all.bytesRead}`);
});

Deno.test("readParquet() takes booleans as labels, and numbers beyond a double as text", async () => {
  const options = { task: undefined, requireLabel: true };
  const one = await read("odd", { ...options, limit: 1 });
  assertEquals(one, [{ text: "good", label: "true", line: 1 }]);
  const big = await read("odd", { ...options, text: "big", limit: 1 }).catch(String);
  assert(String(big).includes('"big" is 1, expected a text'), String(big));
});

Deno.test("readParquet() names file and row of what is no text", async () => {
  const missing = await faultOf(() => read("odd", { task: undefined }));
  assertEquals([missing.code, missing.path], ["malformed-row", "dev.parquet"]);
  assertEquals(missing.message.includes('line 2: "text" is null'), true);
  const nested = await faultOf(() => read("odd", { task: undefined, text: "words" }));
  assertEquals(nested.code, "malformed-row");
  const column = await faultOf(() => read("snappy", { text: "review" }));
  assertEquals(column.code, "missing-column");
  assert(column.message.includes("sentence, label, idx"), column.message);
  assertEquals((await faultOf(() => read("empty"))).code, "empty-data");
});

Deno.test("readParquet() stops when it is told to", async () => {
  const signal = AbortSignal.abort();
  await assertRejects(() => read("snappy", { signal }), InterruptedError);
});

Deno.test("readParquet() refuses what is no Parquet file, and every cut of one", async () => {
  const text = new MemorySource(new TextEncoder().encode("sentence\tlabel\ngood\t1\n"));
  assertEquals((await faultOf(() => readParquet([text], SST2))).code, "invalid-parquet");
  const bytes = bytesOf("snappy");
  for (let length = 0; length < bytes.length; length += 97) {
    const cut = new MemorySource(bytes.slice(0, length));
    assertEquals((await faultOf(() => readParquet([cut], SST2))).code, "invalid-parquet");
  }
});

Deno.test("readParquet() reads a damaged file or says that it cannot", async () => {
  const bytes = bytesOf("zstd");
  const damage = fc.array(
    fc.record({ at: fc.nat(bytes.length - 1), value: fc.nat(255) }),
    { minLength: 1, maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(damage, async (changes) => {
      const damaged = bytes.slice();
      for (const { at, value } of changes) damaged[at] = value;
      try {
        const rows = await readParquet([new MemorySource(damaged)], SST2);
        assert(rows.every(({ text }) => typeof text === "string"));
      } catch (error) {
        assert(error instanceof DataError, String(error));
      }
    }),
    { seed: 1, numRuns: 300 },
  );
});
