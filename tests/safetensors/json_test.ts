import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { TinygraftError } from "../../lib/errors.ts";
import {
  JsonCursor,
  JsonFault,
  type JsonValue,
  parseJsonStrict,
} from "../../lib/safetensors/json.ts";

function toMaps(value: unknown): JsonValue {
  if (Array.isArray(value)) return value.map(toMaps);
  if (typeof value !== "object" || value === null) return value as JsonValue;
  return new Map(Object.entries(value).map(([key, item]) => [key, toMaps(item)]));
}

Deno.test("parseJsonStrict() agrees with JSON.parse about JSON without duplicates", () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 4 }), fc.constantFrom(0, 1, "\t"), (json, indent) => {
      const spaced = JSON.stringify(JSON.parse(json), null, indent);
      assertEquals(parseJsonStrict(spaced), toMaps(JSON.parse(spaced)));
    }),
    { seed: 1, numRuns: 500 },
  );
});

Deno.test("parseJsonStrict() refuses what JSON.parse refuses, and never throws anything else", () => {
  const soup = fc.array(
    fc.constantFrom(...'{}[]:,"\\u0041dnb1-.eE+ \t\n\0\u00a0', "true", "null", "\\ud800", "0x"),
    { maxLength: 12 },
  ).map((parts) => parts.join(""));
  fc.assert(
    fc.property(soup, (text) => {
      let isValid = true;
      try {
        JSON.parse(text);
      } catch {
        isValid = false;
      }
      try {
        parseJsonStrict(text);
      } catch (error) {
        if (!(error instanceof TinygraftError)) throw error;
        return;
      }
      assertEquals(isValid, true, text);
    }),
    { seed: 2, numRuns: 5000 },
  );
});

Deno.test("parseJsonStrict() keeps the order of keys and a key such as __proto__", () => {
  assertEquals(
    parseJsonStrict('{"b":1,"10":2,"2":3,"__proto__":{}}'),
    new Map<string, JsonValue>([["b", 1], ["10", 2], ["2", 3], ["__proto__", new Map()]]),
  );
});

Deno.test("parseJsonStrict() refuses duplicate keys at every level, after unescaping", () => {
  const many = Array.from({ length: 40 }, (_, i) => `"k${i}":0`).join(",");
  for (
    const text of [
      '{"a":1,"a":1}',
      '[{"x":{"a":1,"\\u0061":2}}]',
      `{${many},"k3":1}`,
      `{${many},"k30":1}`,
    ]
  ) {
    assertEquals(assertThrows(() => parseJsonStrict(text), TinygraftError).code, "duplicate-key");
  }
  parseJsonStrict(`{${many},"k40":[{"k0":1},{"k0":1}]}`);
});

Deno.test("parseJsonStrict() tells the byte position", () => {
  const error = assertThrows(() => parseJsonStrict('["é", nul]'), TinygraftError);
  assertEquals(
    error.message,
    'Cannot parse JSON: found "n", expected true, false or null at byte 7',
  );
});

Deno.test("parseJsonStrict() takes 127 levels and refuses 128, of arrays or objects", () => {
  const arrays = (levels: number) => "[".repeat(levels) + "]".repeat(levels);
  const objects = (levels: number) => '{"a":'.repeat(levels) + "0" + "}".repeat(levels);
  for (const nest of [arrays, objects]) {
    parseJsonStrict(nest(127));
    assertThrows(() => parseJsonStrict(nest(128)), TinygraftError, "at most 127");
    assertThrows(() => parseJsonStrict(nest(1_000_000)), TinygraftError);
  }
  parseJsonStrict(`[${Array<string>(200).fill("[]").join(",")}]`);
});

Deno.test("JsonCursor.skip() passes over any value and checks it", () => {
  const cursor = new JsonCursor('[{"a":[1,-2.5e+3,"\\n"],"b":{}},true,false,null] ');
  cursor.skip();
  cursor.end();
  for (const text of ["[1,]", '{"a" 1}', '"\x01"', '"\\x"', '"\\u12g4"', "01", "-", "tru", ""]) {
    assertThrows(() => {
      const bad = new JsonCursor(text);
      bad.skip();
      bad.end();
    }, JsonFault);
  }
});

Deno.test("JsonCursor.string() joins escaped pairs and refuses halves of one", () => {
  assertEquals(new JsonCursor('"a\\ud83d\\uDE00\\u0041b"').string(), "a\u{1f600}Ab");
  for (const half of ["\\ud83d", "\\ude00", "\\ud83d\\u0041", "\\ud83d\\ud83d", "\\ude00\\ud83d"]) {
    assertThrows(() => new JsonCursor(`"${half}"`).string(), JsonFault, "lone surrogate");
  }
});

Deno.test("JsonCursor.numberToken() gives the digits as they stand", () => {
  assertEquals(new JsonCursor(" 9007199254740993").numberToken(), "9007199254740993");
  assertEquals(new JsonCursor("2e0").numberToken(), "2e0");
});
