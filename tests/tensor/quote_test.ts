import { assertEquals } from "@std/assert";
import { quote } from "../../lib/tensor/quote.ts";

Deno.test("quote() leaves plain text as it is, in quotes", () => {
  assertEquals(quote("encoder.layer.0 é 日本 \u{1f600}"), '"encoder.layer.0 é 日本 \u{1f600}"');
});

Deno.test("quote() escapes quotes, controls and everything invisible", () => {
  assertEquals(quote('a"\\\n\0'), '"a\\"\\\\\\n\\u0000"');
  assertEquals(
    quote("\x7f\x9b\u2028\u202e\u200d\ufeff"),
    '"\\u007f\\u009b\\u2028\\u202e\\u200d\\ufeff"',
  );
  assertEquals(quote("\u{e0041}" + "\ud800"), '"\\udb40\\udc41\\ud800"');
});

Deno.test("quote() cuts long text and tells its length", () => {
  assertEquals(quote("x".repeat(5000)), `"${"x".repeat(200)}"… (5000 characters)`);
});
