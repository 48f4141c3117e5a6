import { assertEquals, assertRejects } from "@std/assert";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { readDataFile } from "../../lib/eval/data_file.ts";
import { makeWorkspace } from "../_workspace.ts";

const OPTIONS = { text: "sentence", requireLabel: true } as const;
const PARQUET = "fixtures/parquet";

Deno.test("readDataFile() reads text and Parquet alike", async () => {
  await using space = await makeWorkspace();
  const text = await readDataFile({ ...OPTIONS, path: space.data, limit: 2 });
  assertEquals(text.map(({ line }) => line), [2, 3]);
  const rows = await readDataFile({ ...OPTIONS, path: `${PARQUET}/snappy.parquet`, limit: 2 });
  assertEquals(rows.map(({ label }) => label), [1, 0]);
});

Deno.test("readDataFile() takes a star in a Parquet file's name for all of its parts", async () => {
  await using space = await makeWorkspace();
  for (const [i, name] of ["zstd", "snappy"].entries()) {
    const part = space.at(`train-0000${i}-of-00002.parquet`);
    await Deno.copyFile(`${PARQUET}/${name}.parquet`, part);
  }
  await Deno.copyFile(`${PARQUET}/zstd.parquet`, space.at("trainxparquet"));
  const path = space.at("train-*.parquet");
  const rows = await readDataFile({ ...OPTIONS, path });
  assertEquals([rows.length, rows[15]!.line, rows[15]!.text], [16, 16, "fine"]);
  const none = () => readDataFile({ ...OPTIONS, path: space.at("test-*.parquet") });
  assertEquals((await assertRejects(none, TinygraftError)).code, "not-found");
});

Deno.test("readDataFile() refuses a name that tells no format", async () => {
  await using space = await makeWorkspace();
  await Deno.writeTextFile(space.at("data.xml"), "");
  const reading = () => readDataFile({ ...OPTIONS, path: space.at("data.xml") });
  await assertRejects(reading, UsageError, ".parquet");
});
