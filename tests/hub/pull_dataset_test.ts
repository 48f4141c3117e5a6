import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { isDatasetAddress, pullDataset } from "../../lib/hub/pull_dataset.ts";
import { status } from "../_fake_hub/faults.ts";
import { PullSpace } from "./_pull.ts";

const GLUE = "hf://datasets/nyu-mll/glue/sst2";
const FILE = "sst2/validation-00000-of-00001.parquet";

/** A Hub with a data set of GLUE's layout, and one that the Hub converted. */
async function makeSpace(): Promise<PullSpace> {
  const space = await PullSpace.make();
  const [small, large] = ["zstd", "snappy"].map((name) =>
    Deno.readFileSync(`fixtures/parquet/${name}.parquet`)
  ) as [Uint8Array, Uint8Array];
  await space.hub.commit("datasets/nyu-mll/glue", {
    "README.md": "# GLUE\n",
    "sst2/train-00000-of-00002.parquet": small,
    "sst2/train-00001-of-00002.parquet": large,
    [FILE]: large,
    "mrpc/train-00000-of-00001.parquet": small,
  });
  await space.hub.commit("datasets/org/script", { "script.py": "" });
  const converted = { "default/train/0000.parquet": small };
  await space.hub.commit("datasets/org/script", converted, "refs/convert/parquet");
  return space;
}

function read(space: PullSpace, location: string, options: Record<string, unknown> = {}) {
  return pullDataset(location, { ...space.options, preferred: "validation", ...options });
}

async function codeOf(pulling: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(pulling, TinygraftError)).code;
}

Deno.test("pullDataset() pulls one split into the cache that Python shares", async () => {
  await using space = await makeSpace();
  const path = await read(space, GLUE);
  const head = space.hub.repositories.get("datasets/nyu-mll/glue")!.resolve("main").id;
  assertEquals(path, `${space.cache}/datasets--nyu-mll--glue/snapshots/${head}/${FILE}`);
  assertEquals(await Deno.readFile(path), await Deno.readFile("fixtures/parquet/snappy.parquet"));
  const asked = space.hub.seen.filter((each) => each.path.includes("/resolve/"));
  assertEquals(asked.length, 1);
  assertStringIncludes(asked[0]!.path, "/datasets/nyu-mll/glue/resolve/");
});

Deno.test("pullDataset() names a split in several files by one path with a star", async () => {
  await using space = await makeSpace();
  const path = await read(space, GLUE, { preferred: "train" });
  assertStringIncludes(path, "/sst2/train-*-of-00002.parquet");
  assertEquals(await read(space, `${GLUE}:train`), path);
});

Deno.test("pullDataset() finds in the cache without requests what it pulled before", async () => {
  await using space = await makeSpace();
  const path = await read(space, GLUE);
  const script = await read(space, "hf://datasets/org/script");
  assertStringIncludes(script, "/default/train/0000.parquet");
  const before = space.hub.seen.length;
  const offline = { offline: true };
  assertEquals(await read(space, GLUE, offline), path);
  assertEquals(await read(space, "hf://datasets/org/script", offline), script);
  assertEquals(await codeOf(() => read(space, `${GLUE}:train`, offline)), "offline");
  assertEquals(await codeOf(() => read(space, "hf://datasets/org/no", offline)), "offline");
  assertEquals(space.hub.seen.length, before);
});

Deno.test("pullDataset() pulls the one file that an address names", async () => {
  await using space = await makeSpace();
  const path = await read(space, `hf://datasets/nyu-mll/glue@main/${FILE}`);
  assert(path.endsWith(FILE));
  const missing = () => read(space, "hf://datasets/nyu-mll/glue/sst2/none.parquet");
  assertEquals(await codeOf(missing), "file-not-found");
});

Deno.test("pullDataset() tells what is not there, and refuses what is no data set", async () => {
  await using space = await makeSpace();
  assertEquals(await codeOf(() => read(space, "hf://datasets/org/none")), "repo-not-found");
  const revision = "hf://datasets/nyu-mll/glue@v2/sst2";
  assertEquals(await codeOf(() => read(space, revision)), "revision-not-found");
  const before = space.hub.seen.length;
  for (const bad of ["hf://datasets/imdb", `${GLUE}/a.csv:train`, "hf://datasets/a/../b"]) {
    await assertRejects(() => read(space, bad), UsageError);
  }
  assertEquals(space.hub.seen.length, before);
  assertEquals(["hf://datasets/a/b", "hf://a/b", "a/b"].map(isDatasetAddress), [
    true,
    false,
    false,
  ]);
});

Deno.test("pullDataset() checks what it pulled, and tries again", async () => {
  await using space = await makeSpace();
  space.hub.fault({ path: new RegExp(FILE) }, status(503));
  assert((await read(space, GLUE)).endsWith(FILE));
  assertEquals(space.waits.length, 1);
});

Deno.test("pullDataset() asks the card where names do not tell, and finds it again offline", async () => {
  await using space = await makeSpace();
  const card = "---\nconfigs:\n- config_name: mini\n  data_files:\n" +
    "  - split: train\n    path: rows/one.parquet\n  - split: validation\n" +
    "    path: rows/two.parquet\n---\n";
  await space.hub.commit("datasets/org/named", {
    "README.md": card,
    "rows/one.parquet": await Deno.readFile("fixtures/parquet/zstd.parquet"),
    "rows/two.parquet": await Deno.readFile("fixtures/parquet/snappy.parquet"),
  });
  const path = await read(space, "hf://datasets/org/named/mini");
  assertStringIncludes(path, "/rows/two.parquet");
  const train = await read(space, "hf://datasets/org/named/mini:train");
  assertStringIncludes(train, "/rows/one.parquet");
  const before = space.hub.seen.length;
  assertEquals(await read(space, "hf://datasets/org/named/mini", { offline: true }), path);
  assertEquals(space.hub.seen.length, before);
  const none = () => read(space, "hf://datasets/org/named/other");
  assertEquals(await codeOf(none), "file-not-found");
});
