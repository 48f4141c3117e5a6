/**
 * `deno task bench [NAME] [FLAGS]`: runs one bench, or lists them. Each is a script that prints a
 * table; what it measures against stands in its own head.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

const FOLDER = fromFileUrl(new URL("./", import.meta.url));

if (import.meta.main) {
  const names = [...Deno.readDirSync(FOLDER)]
    .flatMap(({ name }) => name.endsWith("_bench.ts") ? [name.replace("_bench.ts", "")] : [])
    .sort();
  const [name, ...flags] = Deno.args;
  if (name === undefined || !names.includes(name)) {
    console.error(`Benches: ${names.join(", ")}. Run one with: deno task bench NAME`);
    Deno.exit(name === undefined ? 0 : 2);
  }
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", `${FOLDER}${name}_bench.ts`, ...flags],
  }).spawn().status;
  Deno.exit(code);
}
