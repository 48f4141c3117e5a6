import { assertEquals } from "@std/assert";
import { parse } from "yaml";
import { check } from "../../cli/check.ts";
import { readSuite } from "../../lib/gate/suite.ts";
import { SUITE_KEYS } from "../../lib/gate/suite_keys.ts";
import { suiteSchema } from "../../lib/gate/suite_schema.ts";
import { SCHEMA_FILE, schemaText } from "../../tools/suite_schema.ts";
import { jsonValidator } from "./_schemas.ts";

const validate = jsonValidator(suiteSchema());

const REQUIRED = { base: "b", before: "c", after: "d", data: "e" };

/** Values of every kind, for every key. */
const VALUES = ["x", "", "1", "auto", "cola", "f16", "base", 0, 1, 2, 3, 0.5, 1.5, -1, true, null, [
  "x",
], {}];

Deno.test("suiteSchema() and readSuite() agree on every value of every key", async () => {
  // Others with which a key's value has a meaning.
  const company = { cloze: "x", verbalizer: "y", baseline: "z" };
  for (const { name } of SUITE_KEYS) {
    for (const value of VALUES) {
      const others = name === "head" ? {} : company;
      const file = { version: 1, checks: [{ name: "a", ...REQUIRED, ...others, [name]: value }] };
      const { faults } = await readSuite(JSON.stringify(file), "t.yaml");
      assertEquals(validate(file), faults.length === 0, `${name}: ${JSON.stringify(value)}`);
    }
  }
});

Deno.test("suiteSchema() and readSuite() agree on what a file must have", async () => {
  const { data: _, ...most } = REQUIRED;
  const files = [
    {},
    { version: 1 },
    { version: 2, checks: [{ name: "a", ...REQUIRED }] },
    { version: 1, checks: [] },
    { version: 1, checks: [{ ...REQUIRED }] },
    { version: 1, checks: [{ name: "a", ...most }] },
    { version: 1, checks: [{ name: "a", ...most }], defaults: { data: "x" } },
    { version: 1, checks: [{ name: "a" }, { name: "b" }], defaults: REQUIRED },
    { version: 1, checks: [{ name: "a", data: "x" }, { name: "b" }], defaults: most },
    { version: 1, checks: [{ name: "a", ...REQUIRED }], defaults: { name: "x" } },
    { version: 1, checks: [{ name: "a", ...REQUIRED }], other: 1 },
    { version: 1, checks: [{ name: "a", ...REQUIRED, other: 1 }] },
    [],
    null,
  ];
  const verdicts = await Promise.all(files.map(async (file) => {
    const { faults } = await readSuite(JSON.stringify(file), "t.yaml");
    return faults.length === 0;
  }));
  assertEquals(files.map((file) => validate(file)), verdicts);
  assertEquals(verdicts.filter(Boolean).length, 2);
});

Deno.test("tinygraft.schema.json is what lib/gate makes", async () => {
  assertEquals(await Deno.readTextFile(SCHEMA_FILE), schemaText());
});

Deno.test("keys of a suite are flags of check, with the same values", () => {
  const flags = new Map(check.flags.map((flag) => [flag.name, flag]));
  for (const key of SUITE_KEYS) {
    if (key.name === "base") continue; // check's positional argument
    const flag = flags.get(key.name);
    const isText = ["path", "string", "column"].includes(key.kind);
    const kind = isText ? "string" : key.kind;
    assertEquals([flag?.kind, flag?.min, flag?.max], [kind, key.min, key.max], key.name);
    if (flag?.choices !== undefined) assertEquals(flag.choices, key.choices, key.name);
  }
});

Deno.test("the suite that the repository ships is valid", async () => {
  const path = "fixtures/mini/tinygraft.yaml";
  const text = await Deno.readTextFile(path);
  assertEquals((await readSuite(text, path)).faults, []);
  assertEquals(validate(parse(text)), true);
});
