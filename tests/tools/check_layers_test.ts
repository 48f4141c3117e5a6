import { assertEquals } from "@std/assert";
import { checkLayers, findCycles, importsOf } from "../../tools/check_layers.ts";

/** Checks a small tree given as an object from path to text. */
function check(files: Record<string, string>): string[] {
  return checkLayers(new Map(Object.entries(files)), {
    aliases: new Map([["tinygraft", "mod.ts"]]),
  });
}

Deno.test("importsOf() reads every form of import and no comment", () => {
  const source = [
    'import a from "./a.ts";',
    "import {",
    "  b,",
    "  type C,",
    '} from "../b/b.ts";',
    'import "./side.ts";',
    'import code from "./k.wgsl" with { type: "text" };',
    'export * from "./star.ts";',
    'export type { T } from "./types.ts";',
    '// import x from "./line.ts";',
    ' * import y from "./doc.ts";',
    'const lazy = await import("./lazy.ts"); // as import("./after.ts") would',
    'type Late = import("./late.ts").Late;',
    'new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });',
    'export const word = "./not_an_import.ts";',
  ].join("\n");
  assertEquals(
    importsOf(source).sort(),
    [
      "../b/b.ts",
      "./a.ts",
      "./k.wgsl",
      "./late.ts",
      "./lazy.ts",
      "./side.ts",
      "./star.ts",
      "./types.ts",
      "./worker.ts",
    ],
  );
});

Deno.test("checkLayers() accepts imports from lower layers and from the own unit", () => {
  assertEquals(
    check({
      "lib/errors.ts": "",
      "lib/tensor/a.ts": 'import "../errors.ts";\nimport "./b.ts";',
      "lib/tensor/b.ts": "",
      "lib/compute/ops/linear/op.ts": 'import code from "./k.wgsl" with { type: "text" };',
      "lib/compute/open.ts": 'import "./webgpu/device.ts";\nimport "../tensor/a.ts";',
      "lib/compute/webgpu/device.ts": 'import "../ops/linear/op.ts";\nimport "../value.ts";',
      "lib/merge/average.ts": 'import "../adapter/open.ts";',
      "mod.ts": 'export * from "./lib/tensor/a.ts";',
      "cli/main.ts": 'import "tinygraft";\nimport "npm:x";\nimport { parse } from "@std/csv";',
    }),
    [],
  );
});

Deno.test("checkLayers() names an import of a higher layer, static or dynamic", () => {
  assertEquals(check({ "lib/tensor/a.ts": 'await import("../model/bert.ts");' }), [
    "lib/tensor/a.ts imports lib/model/bert.ts of a higher layer",
  ]);
  assertEquals(check({ "lib/eval/a.ts": 'import { x } from "tinygraft";' }), [
    "lib/eval/a.ts imports mod.ts of a higher layer",
  ]);
});

Deno.test("checkLayers() names an import between units of one layer", () => {
  assertEquals(check({ "lib/text/a.ts": 'import type { X } from "../model/config.ts";' }), [
    "lib/text/a.ts imports lib/model/config.ts of its own layer",
  ]);
});

Deno.test("checkLayers() takes the longest matching prefix as a file's unit", () => {
  assertEquals(check({ "lib/compute/value.ts": 'import "./backend.ts";' }), [
    "lib/compute/value.ts imports lib/compute/backend.ts of a higher layer",
  ]);
});

Deno.test("checkLayers() confines compute to errors, tensor and itself", () => {
  assertEquals(check({ "lib/compute/open.ts": 'import "../model/bert.ts";' }), [
    "lib/compute/open.ts imports lib/model/bert.ts; lib/compute/ may import only lib/errors.ts, lib/tensor/",
  ]);
});

Deno.test("checkLayers() names files and targets outside the list", () => {
  assertEquals(check({ "lib/stray.ts": "", "cli/a.ts": 'import "../tests/_close.ts";' }), [
    "lib/stray.ts is in no layer",
    "cli/a.ts imports tests/_close.ts, which is in no layer",
  ]);
});

Deno.test("checkLayers() names system access in lib outside the files meant for it", () => {
  assertEquals(
    check({
      "lib/text/a.ts": "const x = Deno.readFileSync(path);",
      "lib/text/b.ts": 'import { gunzip } from "node:zlib";',
      "lib/text/c.ts": "// Deno.test would do\n/** Runs under Deno. */",
      "lib/checkpoint/sources.ts": "Deno.openSync(path);",
      "cli/main.ts": "Deno.exit(1);",
    }),
    [
      "lib/text/a.ts uses Deno or node: outside the files meant for it: const x = Deno.readFileSync(path);",
      'lib/text/b.ts uses Deno or node: outside the files meant for it: import { gunzip } from "node:zlib";',
    ],
  );
});

Deno.test("checkLayers() names an import cycle within a unit", () => {
  assertEquals(
    check({ "lib/text/b.ts": 'import "./a.ts";', "lib/text/a.ts": 'import "./b.ts";' }),
    ["import cycle: lib/text/a.ts → lib/text/b.ts → lib/text/a.ts"],
  );
});

Deno.test("findCycles() finds each circle once and none in a diamond", () => {
  assertEquals(findCycles(new Map([["a", ["b", "c"]], ["b", ["d"]], ["c", ["d"]], ["d", []]])), []);
  const graph = new Map([["a", ["b", "c"]], ["b", ["a"]], ["c", ["d"]], ["d", ["c"]], ["e", [
    "e",
  ]]]);
  assertEquals(findCycles(graph), [["a", "b", "a"], ["c", "d", "c"], ["e", "e"]]);
});
