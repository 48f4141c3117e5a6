import { assertEquals, assertThrows } from "@std/assert";
import { matchingNames, namePattern, renameTensors } from "../../lib/checkpoint/tensor_names.ts";
import { TinygraftError } from "../../lib/errors.ts";

const NAMES = ["bert.a.LayerNorm.weight", "bert.a.LayerNorm.bias", "bert.b/c.weight", "head"];

function codeOf(work: () => unknown): string {
  return assertThrows(work, TinygraftError).code;
}

Deno.test("namePattern() lets a star cross dots, slashes and lines, and matches whole names", () => {
  const matches = (glob: string, name: string) => namePattern(glob).test(name);
  assertEquals(matches("*.weight", "a.b/c\nd.weight"), true);
  assertEquals(matches("*.weight", "a.weight.more"), false);
  assertEquals(matches("{bert,head}*", "head"), true);
  assertEquals(matches("a.b", "axb"), false);
  assertEquals(matches("layer.[0-2].*", "layer.2.w"), true);
  assertEquals(matches("layer.[0-2].*", "layer.3.w"), false);
});

Deno.test("matchingNames() joins what the globs find, and refuses one that finds nothing", () => {
  const found = matchingNames(NAMES, ["*LayerNorm*", "*.weight"], "--include");
  assertEquals([...found], [NAMES[0]!, NAMES[1]!, NAMES[2]!]);
  assertEquals([...matchingNames(NAMES, [], "--keep")], []);
  const error = assertThrows(
    () => matchingNames(NAMES, ["*", "layernorm*"], "--keep"),
    TinygraftError,
  );
  assertEquals(error.code, "no-match");
  assertEquals(error.message.startsWith('Cannot use --keep "layernorm*": no tensor'), true);
});

Deno.test("renameTensors() replaces every match, one pattern after the other", () => {
  const renamed = renameTensors(["a.gamma.gamma", "b.gamma", "c"], [
    { pattern: /gamma/gu, replacement: "weight" },
    { pattern: /^([ab])\.weight/gu, replacement: "x.$1.w" },
    { pattern: /^/gu, replacement: "m." },
  ]);
  assertEquals([...renamed], [
    ["a.gamma.gamma", "m.x.a.w.weight"],
    ["b.gamma", "m.x.b.w"],
    ["c", "m.c"],
  ]);
});

Deno.test("renameTensors() lets names change places, and refuses one name for two", () => {
  const swap = [
    { pattern: /^a$/gu, replacement: "t" },
    { pattern: /^b$/gu, replacement: "a" },
    { pattern: /^t$/gu, replacement: "b" },
  ];
  assertEquals([...renameTensors(["a", "b"], swap)], [["a", "b"], ["b", "a"]]);
  const error = assertThrows(
    () => renameTensors(["a.x", "b.x"], [{ pattern: /^[ab]\./gu, replacement: "" }]),
    TinygraftError,
  );
  assertEquals([error.code, error.tensor], ["name-collision", "b.x"]);
  // Also with a name that stays as it is.
  assertEquals(
    codeOf(() => renameTensors(["a", "b"], [{ pattern: /b/gu, replacement: "a" }])),
    "name-collision",
  );
});

Deno.test("renameTensors() refuses patterns without a match and names that vanish", () => {
  assertEquals(
    codeOf(() => renameTensors(["a"], [{ pattern: /b/gu, replacement: "" }])),
    "no-match",
  );
  assertEquals(
    codeOf(() => renameTensors(["a"], [{ pattern: /a/gu, replacement: "" }])),
    "invalid-tensor-name",
  );
});
