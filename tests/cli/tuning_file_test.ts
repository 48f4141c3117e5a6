import { assertEquals } from "@std/assert";
import { dirname, join } from "@std/path";
import { tuningFile } from "../../cli/tuning_file.ts";

/** An environment of these variables only. */
function io(variables: Record<string, string>) {
  return { env: (name: string) => variables[name] };
}

Deno.test("tuningFile() gives back what was kept, below the user's cache folder", async () => {
  const home = await Deno.makeTempDir();
  const file = tuningFile(io({ HOME: home }))!;
  assertEquals(await file.get("card/f32"), undefined);
  await file.set("card/f32", "buffers-64x64");
  await file.set("card/f16", "buffers-128x128");
  assertEquals(await tuningFile(io({ HOME: home }))!.get("card/f32"), "buffers-64x64");
  const path = join(home, ".cache", "tinygraft", "kernels.json");
  assertEquals(JSON.parse(await Deno.readTextFile(path)), {
    "card/f32": "buffers-64x64",
    "card/f16": "buffers-128x128",
  });
  assertEquals((await Array.fromAsync(Deno.readDir(dirname(path)))).length, 1);
  await Deno.remove(home, { recursive: true });
});

Deno.test("tuningFile() counts a broken file as empty and lives without a folder", async () => {
  const cache = await Deno.makeTempDir();
  await Deno.mkdir(join(cache, "tinygraft"));
  for (const text of ["{", "null", '{"card/f32": 3}', "[]"]) {
    await Deno.writeTextFile(join(cache, "tinygraft", "kernels.json"), text);
    assertEquals(await tuningFile(io({ XDG_CACHE_HOME: cache }))!.get("card/f32"), undefined);
  }
  await Deno.writeTextFile(join(cache, "file"), "");
  const unwritable = tuningFile(io({ XDG_CACHE_HOME: join(cache, "file") }))!;
  await unwritable.set("card/f32", "buffers-64x64");
  assertEquals(await unwritable.get("card/f32"), undefined);
  assertEquals(tuningFile(io({})), undefined);
  await Deno.remove(cache, { recursive: true });
});
