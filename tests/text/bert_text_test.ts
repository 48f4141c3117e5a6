import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ExactBertNormalizer, ExactBertPreTokenizer } from "../../lib/text/bert_text.ts";

const SETTINGS = {
  type: "BertNormalizer",
  clean_text: true,
  handle_chinese_chars: true,
  strip_accents: null,
  lowercase: true,
} as const;

Deno.test("normalize() cleans, sets ideographs apart, strips accents and lowercases", () => {
  const normalizer = new ExactBertNormalizer(SETTINGS);
  assertEquals(normalizer.normalize("A\u0000\tÉ\u00a0\ufffdb\u200b\ue000C\r\n"), "a e bc  ");
  assertEquals(normalizer.normalize("x漢\u{20000}y"), "x 漢  \u{20000} y");
  assertEquals(normalizer.normalize("ΟΔΟΣ İ"), "οδοσ i");
});

Deno.test("normalize() follows its settings", () => {
  const normalize = (changes: Partial<Record<keyof typeof SETTINGS, boolean>>, text: string) =>
    new ExactBertNormalizer({ ...SETTINGS, ...changes, type: "BertNormalizer" }).normalize(text);
  assertEquals(normalize({ lowercase: false }, "É"), "É");
  assertEquals(normalize({ lowercase: false, strip_accents: true }, "É"), "E");
  assertEquals(normalize({ strip_accents: false }, "É"), "é");
  assertEquals(normalize({ handle_chinese_chars: false }, "漢"), "漢");
  assertEquals(normalize({ clean_text: false }, "\u0007É"), "\u0007e");
});

Deno.test("normalize() knows the categories of Unicode 8, not later ones", () => {
  const normalizer = new ExactBertNormalizer(SETTINGS);
  // U+0301 is a mark of old, U+07FD one of Unicode 11; U+0890 a format character of Unicode 14.
  assertEquals(normalizer.normalize("a\u0301\u07fd\u0890"), "a\u07fd\u0890");
});

Deno.test("normalize() treats ASCII alike on its quick path and the other", () => {
  const normalizer = new ExactBertNormalizer(SETTINGS);
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => {
      assertEquals(normalizer.normalize(`${text}\u0301`), normalizer.normalize(text));
    }),
    { seed: 20250103 },
  );
});

Deno.test("pre_tokenize_text() splits at whitespace and around every sign", () => {
  const preTokenizer = new ExactBertPreTokenizer();
  const words = preTokenizer.pre_tokenize_text(" don't\u3000$3.50 «a»—b ~#\u0085x\ufeffy ");
  assertEquals(
    words,
    ["don", "'", "t", "$", "3", ".", "50", "«", "a", "»", "—", "b", "~", "#", "x\ufeffy"],
  );
  // U+2E43 is punctuation since Unicode 9 only.
  assertEquals(preTokenizer.pre_tokenize_text("a\u2e42b\u2e43c"), ["a", "\u2e42", "b\u2e43c"]);
  assertEquals(preTokenizer.pre_tokenize_text(" "), []);
});
