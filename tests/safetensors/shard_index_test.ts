import { assertEquals, assertThrows } from "@std/assert";
import { type ErrorCode, SafetensorsError } from "../../lib/errors.ts";
import {
  formatShardIndex,
  isSafeFileName,
  parseShardIndex,
} from "../../lib/safetensors/shard_index.ts";

const INDEX = {
  metadata: { ["total_size"]: 12, ["total_parameters"]: 3 },
  weightMap: new Map([
    ["b", "model-00002-of-00002.safetensors"],
    ["10", "model-00001-of-00002.safetensors"],
    ["é", "model-00001-of-00002.safetensors"],
  ]),
};

// json.dumps(index, indent=2, sort_keys=True) + "\n", as transformers writes it.
const TEXT = `{
  "metadata": {
    "total_parameters": 3,
    "total_size": 12
  },
  "weight_map": {
    "10": "model-00001-of-00002.safetensors",
    "b": "model-00002-of-00002.safetensors",
    "\\u00e9": "model-00001-of-00002.safetensors"
  }
}
`;

Deno.test("formatShardIndex() writes transformers' form", () => {
  assertEquals(formatShardIndex(INDEX), TEXT);
  assertEquals(
    formatShardIndex({ metadata: {}, weightMap: new Map() }),
    '{\n  "metadata": {},\n  "weight_map": {}\n}\n',
  );
});

Deno.test("parseShardIndex() reads it back, and an index without metadata", () => {
  const parsed = parseShardIndex(TEXT, "i.json");
  assertEquals(parsed.metadata, INDEX.metadata);
  assertEquals([...parsed.weightMap.keys()], ["10", "b", "é"]);
  const bare = parseShardIndex('{"weight_map":{"w":"a.safetensors"},"other":[1]}', "i.json");
  assertEquals(bare, { metadata: {}, weightMap: new Map([["w", "a.safetensors"]]) });
});

const REFUSED: readonly [what: string, text: string, code: ErrorCode][] = [
  ["text that is not JSON", "{", "invalid-index"],
  ["a byte order mark", '\ufeff{"weight_map":{}}', "invalid-index"],
  ["an array", "[]", "invalid-index"],
  ["no weight_map", '{"metadata":{}}', "invalid-index"],
  ["a weight_map that is an array", '{"weight_map":[]}', "invalid-index"],
  ["a shard that is a number", '{"weight_map":{"w":1}}', "invalid-index"],
  ["metadata that is null", '{"metadata":null,"weight_map":{}}', "invalid-index"],
  ["a duplicate tensor", '{"weight_map":{"w":"a","w":"b"}}', "duplicate-key"],
  ["a duplicate key of metadata", '{"metadata":{"a":1,"a":1},"weight_map":{}}', "duplicate-key"],
  ["a duplicate weight_map", '{"weight_map":{},"weight_map":{}}', "duplicate-key"],
  ["a shard in another folder", '{"weight_map":{"w":"../a.safetensors"}}', "unsafe-file-name"],
  [
    "10,001 shards",
    JSON.stringify({
      ["weight_map"]: Object.fromEntries(
        Array.from({ length: 10_001 }, (_, i) => [`t${i}`, `s${i}.safetensors`]),
      ),
    }),
    "invalid-index",
  ],
];

for (const [what, text, code] of REFUSED) {
  Deno.test(`parseShardIndex() refuses ${what}`, () => {
    const error = assertThrows(() => parseShardIndex(text, "dir/i.json"), SafetensorsError);
    assertEquals([error.code, error.path], [code, "dir/i.json"]);
  });
}

Deno.test("isSafeFileName() takes plain names only", () => {
  for (const name of ["model.safetensors", "a b.safetensors", "é", "50%.safetensors", "-x", ".a"]) {
    assertEquals(isSafeFileName(name), true, name);
  }
  for (
    const name of ["", ".", "..", "a/b", "/etc/passwd", "a\\b", "C:a", "http://x", "file:a"].concat(
      [
        "%2e%2e",
        "a%2Fb",
        "%252f",
        "a\0b",
        "a\nb",
        "\ud800",
        "x".repeat(256),
        "a..b",
      ],
    )
  ) {
    assertEquals(isSafeFileName(name), false, name);
  }
});
