import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  addMember,
  parseObject,
  removeMember,
  stringifySorted,
} from "../../lib/adapter/json_text.ts";
import { TinygraftError } from "../../lib/errors.ts";

Deno.test("stringifySorted() sorts at every depth, maps too", () => {
  const value = new Map<string, unknown>([["b", [{ z: 1, a: [] }]], ["10", {}], ["a", "x"]]);
  assertEquals(
    stringifySorted(value),
    '{\n  "10": {},\n  "a": "x",\n  "b": [\n    {\n      "a": [],\n      "z": 1\n    }\n  ]\n}',
  );
  assertEquals(stringifySorted({ b: 1, a: [1, 2] }, ""), '{"a": [1, 2], "b": 1}');
});

Deno.test("addMember() leaves every other byte and indents like the neighbours", () => {
  const text = '{\n    "eps": 1e-12,\n    "big": 12345678901234567890\n}\n';
  assertEquals(
    addMember(text, "k", { b: 1, a: [2] }),
    '{\n    "eps": 1e-12,\n    "big": 12345678901234567890,\n    "k": {\n        "a": [\n' +
      '            2\n        ],\n        "b": 1\n    }\n}\n',
  );
});

Deno.test("addMember() writes into compact and empty objects", () => {
  assertEquals(
    addMember('{"a":[{"k":1},"}"]}', "k", { x: 1 }),
    '{"a":[{"k":1},"}"],"k": {"x": 1}}',
  );
  assertEquals(JSON.parse(addMember("{}", "k", { x: 1 })), { k: { x: 1 } });
  assertEquals(addMember('{\r\n  "a": 1\r\n}', "k", 2), '{\r\n  "a": 1,\r\n  "k": 2\r\n}');
});

Deno.test("removeMember() takes out a first, middle, last and only member", () => {
  const text = '{\n  "a": {"k": 1},\n  "k": [1, {"k": 2}],\n  "b": "\\"k\\": 3"\n}\n';
  assertEquals(removeMember(text, "k"), '{\n  "a": {"k": 1},\n  "b": "\\"k\\": 3"\n}\n');
  assertEquals(removeMember(text, "b"), '{\n  "a": {"k": 1},\n  "k": [1, {"k": 2}]\n}\n');
  assertEquals(removeMember(text, "a"), '{\n  "k": [1, {"k": 2}],\n  "b": "\\"k\\": 3"\n}\n');
  assertEquals(removeMember('{"a": 1}', "a"), "{}");
  assertEquals(removeMember(text, "c"), text);
});

Deno.test("removeMember() gives back the bytes that addMember() was given", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue());
  fc.assert(
    fc.property(object, fc.jsonValue(), fc.constantFrom(0, 1, 2, "\t"), (json, value, indent) => {
      delete json["tiny"];
      if (Object.keys(json).length === 0) return;
      const text = `${JSON.stringify(json, null, indent)}\n`;
      const longer = addMember(text, "tiny", value);
      assertEquals(JSON.parse(longer), JSON.parse(JSON.stringify({ ...json, tiny: value })));
      assertEquals(removeMember(longer, "tiny"), text);
    }),
    { seed: 1, numRuns: 300 },
  );
});

Deno.test("parseObject() refuses duplicate keys, other values and broken text, naming the file", () => {
  const refused = [['{"a":1,"\\u0061":2}', "duplicate-key"], ["[]", "invalid-json"], [
    "{",
    "invalid-json",
  ]];
  for (const [text = "", code = ""] of refused) {
    const error = assertThrows(() => parseObject(text, "p.json", "it"), TinygraftError, "p.json");
    assertEquals([error.code, error.path], [code, "p.json"]);
    assertStringIncludes(error.message, 'Cannot read it in "p.json": ');
    const own = assertThrows(() => parseObject(text, "a/p.json", "p.json"), TinygraftError);
    assertStringIncludes(own.message, 'Cannot read "a/p.json": ');
  }
});
