import { assertEquals } from "@std/assert";
import { configuredSplit } from "../../lib/hub/dataset_configs.ts";

const PATHS = [
  "README.md",
  "en/part-a.parquet",
  "en/part-b.parquet",
  "en/dev/part-c.parquet",
  "de/rows.jsonl",
  "de/notes.md",
  "extra/x1.parquet",
  "extra/x2.parquet",
  "extra/y2.parquet",
];

const CARD = `---
configs:
- config_name: english
  default: true
  data_files:
  - split: train
    path: en/part-*.parquet
  - split: dev
    path: [en/dev/*]
- config_name: german
  data_dir: de
  data_files: rows.jsonl
- config_name: map
  data_files: {train: "extra/x?.parquet", test: "**/*2.parquet", all: "**"}
---
# Rows
`;

async function filesOf(config?: string, split?: string, card = CARD): Promise<string | undefined> {
  const choice = { config, split, preferred: "validation" as const };
  const found = await configuredSplit(card, PATHS, choice);
  return found === undefined ? undefined : `${found.pattern} = ${found.files.join(" ")}`;
}

Deno.test("configuredSplit() finds the files that a card names for a split", async () => {
  const dev = "en/dev/part-c.parquet = en/dev/part-c.parquet";
  assertEquals(await filesOf(), dev);
  assertEquals(await filesOf("english", "dev"), dev);
  const train = "en/part-*.parquet = en/part-a.parquet en/part-b.parquet";
  assertEquals(await filesOf("english", "train"), train);
  assertEquals(await filesOf("german"), "de/rows.jsonl = de/rows.jsonl");
  const pair = "extra/x*.parquet = extra/x1.parquet extra/x2.parquet";
  assertEquals(await filesOf("map", "train"), pair);
  assertEquals(
    await filesOf("map", "test"),
    "extra/*2.parquet = extra/x2.parquet extra/y2.parquet",
  );
});

Deno.test("configuredSplit() finds nothing where a card says nothing of use", async () => {
  assertEquals(await filesOf("french"), undefined);
  assertEquals(await filesOf("english", "test"), undefined);
  assertEquals(await filesOf("map", "all"), undefined); // files of several kinds
  const mixed = CARD.replace("extra/x?.parquet", "extra/[xy]1.parquet");
  assertEquals(await filesOf("map", "train", mixed), undefined);
  // One name with a star would take in y2, which is no part of the split.
  const loose = CARD.replace('"extra/x?.parquet"', "[extra/x1.parquet, extra/y2.parquet]");
  assertEquals(await filesOf("map", "train", loose), undefined);
  for (const card of ["", "# No front matter", "---\nconfigs: 7\n---\n", "---\n{[\n---\n"]) {
    assertEquals(await filesOf(undefined, undefined, card), undefined);
  }
});

Deno.test("configuredSplit() takes little time for a hostile card", async () => {
  const glob = "*a".repeat(2000);
  const card = `---\nconfigs:\n- data_files: "${glob}"\n---\n`;
  const paths = Array.from({ length: 50 }, () => `${"a".repeat(2000)}b.parquet`);
  const start = performance.now();
  const choice = { config: undefined, split: undefined, preferred: "train" as const };
  assertEquals(await configuredSplit(card, paths, choice), undefined);
  assertEquals(performance.now() - start < 5000, true);
});
