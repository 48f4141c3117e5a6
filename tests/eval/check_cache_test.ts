import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { checkMerge, type CheckOptions } from "../../lib/eval/check.ts";
import { cacheKey, type CheckCache } from "../../lib/eval/check_cache.ts";
import { hashInputs } from "../../lib/eval/check_inputs.ts";
import { makeWorkspace, type Workspace } from "../_workspace.ts";
import { scaleClassifier } from "./_rows.ts";

/** A cache in memory that counts. */
function memory() {
  const texts = new Map<string, string>();
  const cache: CheckCache = {
    get: (key) => Promise.resolve(texts.get(key)),
    set: (key, text) => Promise.resolve(void texts.set(key, text)),
  };
  return { texts, cache };
}

function optionsOf(space: Workspace, cache?: CheckCache): CheckOptions {
  const { base, adapter: before, data } = space;
  return { base, before, after: before, data, device: "reference", maxDrop: 0.01, cache };
}

Deno.test("checkMerge() takes an identical check from the cache, judged by the limits of now", async () => {
  await using space = await makeWorkspace();
  const { texts, cache } = memory();
  const options = optionsOf(space, cache);
  const fresh = await checkMerge(options);
  const kept = await checkMerge({ ...options, maxDrop: 0.5 });
  assertEquals([fresh.cached, kept.cached, kept.maxDrop, texts.size], [false, true, 0.5, 1]);
  const { timings: _, cached: __, maxDrop: ___, ...want } = fresh;
  const { timings, cached: ____, maxDrop: _____, ...found } = kept;
  assertEquals(found, want);
  assertEquals(kept.predictions, fresh.predictions);
  assertEquals([timings.compute, timings.upload], [0, 0]);
});

Deno.test("checkMerge() knows files by content and evaluates what is changed", async () => {
  await using space = await makeWorkspace();
  const { texts, cache } = memory();
  const cached = async (changes: Partial<CheckOptions> = {}) =>
    (await checkMerge({ ...optionsOf(space, cache), ...changes })).cached;
  assertEquals(await cached(), false);
  await Deno.rename(space.adapter, space.at("elsewhere"));
  const moved = { before: space.at("elsewhere"), after: space.at("elsewhere") };
  assertEquals(await cached(moved), true);
  for (const changes of [{ limit: 5 }, { maxLength: 5 }, { task: "sst2" }, { force: true }]) {
    assertEquals(await cached({ ...moved, ...changes }), false, JSON.stringify(changes));
  }
  await Deno.writeTextFile(
    space.data,
    `${await Deno.readTextFile(space.data)}one more\tnegative\n`,
  );
  assertEquals(await cached(moved), false);
  await scaleClassifier(space.at("elsewhere"), 2);
  assertEquals(await cached(moved), false);
  assertEquals(texts.size, 7);
});

Deno.test("cacheKey() depends on tokenizer and configs", async () => {
  await using space = await makeWorkspace();
  const options = optionsOf(space);
  const keyOf = async () => cacheKey(await hashInputs(options), options);
  const keys = [await keyOf()];
  for (const path of ["base/tokenizer.json", "base/config.json", "adapter/adapter_config.json"]) {
    await Deno.writeTextFile(space.at(path), `${await Deno.readTextFile(space.at(path))}\n`);
    const key = await keyOf();
    assert(!keys.includes(key), path);
    keys.push(key);
  }
  assertEquals(await keyOf(), keys.at(-1));
  assertNotEquals(cacheKey(await hashInputs(options), { ...options, device: "wasm" }), keys.at(-1));
});

Deno.test("checkMerge() runs again and says so when a kept result is damaged", async () => {
  await using space = await makeWorkspace();
  const { texts, cache } = memory();
  const warnings: string[] = [];
  const onWarning = (message: string) => warnings.push(message);
  const options = { ...optionsOf(space, cache), onWarning };
  await checkMerge(options);
  const [[key, text]] = [...texts] as [[string, string]];
  const damaged = ["", "{}", "null\n", text.slice(0, -20), text.replace('"label":1', '"label":0')];
  for (const each of damaged) {
    texts.set(key, each);
    assertEquals((await checkMerge(options)).cached, false);
    assertEquals(texts.get(key), text);
  }
  assertEquals(warnings, damaged.map(() => "a kept result is damaged: the check is run again"));
  assertEquals((await checkMerge(options)).cached, true);
});

Deno.test("checkMerge() repeats the warnings of the run that was kept", async () => {
  await using space = await makeWorkspace();
  const config = space.at("adapter/adapter_config.json");
  const json = JSON.parse(await Deno.readTextFile(config));
  await Deno.writeTextFile(config, JSON.stringify({ ...json, colour: "red" }));
  const { cache } = memory();
  const warnings: string[][] = [[], []];
  for (const list of warnings) {
    const onWarning = (message: string) => list.push(message);
    await checkMerge({ ...optionsOf(space, cache), onWarning });
  }
  assert(warnings[0]!.some((warning) => warning.includes("colour")));
  assertEquals(warnings[1], warnings[0]);
});
