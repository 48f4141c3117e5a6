import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { checkCacheFolder } from "../../cli/check_cache.ts";

function io(variables: Record<string, string>) {
  return { env: (name: string) => variables[name] };
}

async function names(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  return entries.map(({ name }) => name).sort();
}

Deno.test("checkCacheFolder() keeps texts below the user's cache folder", async () => {
  const home = await Deno.makeTempDir();
  const cache = checkCacheFolder(io({ HOME: home }))!;
  assertEquals(await cache.get("a"), undefined);
  await cache.set("a", "one\n");
  await cache.set("a", "two\n");
  assertEquals(await checkCacheFolder(io({ HOME: home }))!.get("a"), "two\n");
  assertEquals(await names(join(home, ".cache", "tinygraft", "checks")), ["a.jsonl"]);
  await Deno.remove(home, { recursive: true });
});

Deno.test("checkCacheFolder() drops what was not used for longest", async () => {
  const folder = await Deno.makeTempDir();
  const cache = checkCacheFolder(io({ XDG_CACHE_HOME: folder }), 10)!;
  const checks = join(folder, "tinygraft", "checks");
  for (const [i, key] of ["a", "b", "c"].entries()) {
    await cache.set(key, "123");
    const time = new Date(2020, 0, 1 + i);
    await Deno.utime(join(checks, `${key}.jsonl`), time, time);
  }
  assertEquals(await cache.get("a"), "123"); // used just now
  await cache.set("d", "123");
  assertEquals(await names(checks), ["a.jsonl", "c.jsonl", "d.jsonl"]);
  await cache.set("e", "12345678901"); // more than there is room for
  assertEquals(await names(checks), ["a.jsonl", "c.jsonl", "d.jsonl"]);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("checkCacheFolder() lives without a folder that it can write to", async () => {
  assertEquals(checkCacheFolder(io({})), undefined);
  const folder = await Deno.makeTempDir();
  await Deno.writeTextFile(join(folder, "file"), "");
  const cache = checkCacheFolder(io({ XDG_CACHE_HOME: join(folder, "file") }))!;
  await cache.set("a", "one");
  assertEquals(await cache.get("a"), undefined);
  await Deno.remove(folder, { recursive: true });
});
