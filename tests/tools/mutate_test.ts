import { assert, assertEquals } from "@std/assert";
import { exists, ROOT } from "../../tools/files.ts";
import { choose, mutate, sample } from "../../tools/mutate.ts";
import { MUTANTS } from "../../tools/mutants.ts";

const FAULT = { name: "n", file: "f.ts", from: "a + b", to: "a - b", tests: [] };

Deno.test("mutate() replaces a text that stands there once, and no other", () => {
  assertEquals(mutate("return a + b;", FAULT), "return a - b;");
  assertEquals(mutate("return b + a;", FAULT), undefined);
  assertEquals(mutate("a + b; a + b;", FAULT), undefined);
  assertEquals(mutate("x", { ...FAULT, from: "x", to: "$&" }), "$&");
});

Deno.test("sample() draws the same ones for a seed, others for another, in order", () => {
  const items = Array.from({ length: 40 }, (_, i) => i);
  const drawn = sample(items, 5, 1);
  assertEquals(sample(items, 5, 1), drawn);
  assertEquals(drawn.toSorted((a, b) => a - b), drawn);
  assertEquals(new Set(drawn).size, 5);
  assert(sample(items, 5, 2).join() !== drawn.join());
  assertEquals(sample(items, 99, 1), items);
});

Deno.test("choose() goes by name and file", () => {
  const other = { ...FAULT, name: "m", file: "g.ts" };
  assertEquals(choose([FAULT, other], "g.t"), [other]);
  assertEquals(choose([FAULT, other], "n"), [FAULT]);
  assertEquals(choose([FAULT, other], "").length, 2);
});

Deno.test("every fault of the table fits the code as it stands, and names tests that exist", () => {
  assert(MUTANTS.length >= 30);
  assertEquals(new Set(MUTANTS.map(({ name }) => name)).size, MUTANTS.length);
  for (const mutant of MUTANTS) {
    const path = `${ROOT}/${mutant.file}`;
    const faulty = exists(path) ? mutate(Deno.readTextFileSync(path), mutant) : undefined;
    assert(faulty !== undefined, `${mutant.name}: its text is not in ${mutant.file} once`);
    assert(mutant.tests.length > 0 && mutant.tests.every((test) => exists(`${ROOT}/${test}`)));
  }
});
