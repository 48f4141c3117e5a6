import { assertEquals, assertThrows } from "@std/assert";
import { restateDtype } from "../../lib/checkpoint/config_dtype.ts";
import { TinygraftError } from "../../lib/errors.ts";

Deno.test("restateDtype() changes the stated dtype under both keys and no other byte", () => {
  const text = '{\n  "a": 1e-05, "torch_dtype" : "float32",\n\t"dtype":"x\\u0031",' +
    ' "n": {"dtype": "float32"} }\n\n';
  const want = '{\n  "a": 1e-05, "torch_dtype" : "bfloat16",\n\t"dtype":"bfloat16",' +
    ' "n": {"dtype": "float32"} }\n\n';
  assertEquals(restateDtype(text, "BF16", "config.json"), want);
});

Deno.test("restateDtype() knows torch's names, and leaves what states none", () => {
  const text = '{"dtype":"float32"}';
  const found = (["F64", "F32", "F16", "BF16"] as const).map((dtype) =>
    JSON.parse(restateDtype(text, dtype, "config.json")).dtype
  );
  assertEquals(found, ["float64", "float32", "float16", "bfloat16"]);
  for (const same of ['{"a":"dtype"}', '{"dtype":null}', "{}"]) {
    assertEquals(restateDtype(same, "F16", "config.json"), same);
  }
  assertEquals(restateDtype(text, "F8_E4M3", "config.json"), text);
});

Deno.test("restateDtype() refuses duplicate keys and broken JSON", () => {
  const codeOf = (text: string) =>
    assertThrows(() => restateDtype(text, "F16", "c.json"), TinygraftError).code;
  assertEquals(codeOf('{"dtype":"a","dtype":"b"}'), "duplicate-key");
  assertEquals(codeOf('{"dtype":'), "invalid-json");
});
