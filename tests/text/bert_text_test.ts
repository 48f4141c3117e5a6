import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { normalizeBertText, splitBertWords } from "../../lib/text/bert_text.ts";

const SETTINGS = {
  type: "BertNormalizer",
  clean_text: true,
  handle_chinese_chars: true,
  strip_accents: null,
  lowercase: true,
} as const;

Deno.test("normalizeBertText() cleans, sets ideographs apart, strips accents and lowercases", () => {
  assertEquals(normalizeBertText("A\u0000\tÉ\u00a0\ufffdb\u200b\ue000C\r\n", SETTINGS), "a e bc  ");
  assertEquals(normalizeBertText("x漢\u{20000}y", SETTINGS), "x 漢  \u{20000} y");
  assertEquals(normalizeBertText("ΟΔΟΣ İ", SETTINGS), "οδοσ i");
});

Deno.test("normalizeBertText() follows its settings", () => {
  const normalize = (changes: Partial<Record<keyof typeof SETTINGS, boolean>>, text: string) =>
    normalizeBertText(text, { ...SETTINGS, ...changes, type: "BertNormalizer" });
  assertEquals(normalize({ lowercase: false }, "É"), "É");
  assertEquals(normalize({ lowercase: false, strip_accents: true }, "É"), "E");
  assertEquals(normalize({ strip_accents: false }, "É"), "é");
  assertEquals(normalize({ handle_chinese_chars: false }, "漢"), "漢");
  assertEquals(normalize({ clean_text: false }, "\u0007É"), "\u0007e");
});

Deno.test("normalizeBertText() knows the categories of Unicode 8, not later ones", () => {
  // U+0301 is a mark of old, U+07FD one of Unicode 11; U+0890 a format character of Unicode 14.
  assertEquals(normalizeBertText("a\u0301\u07fd\u0890", SETTINGS), "a\u07fd\u0890");
});

Deno.test("normalizeBertText() treats ASCII alike on its quick path and the other", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme-ascii" }), (text) => {
      assertEquals(normalizeBertText(`${text}\u0301`, SETTINGS), normalizeBertText(text, SETTINGS));
    }),
    { seed: 20250103 },
  );
});

Deno.test("splitBertWords() splits at whitespace and around every sign", () => {
  const words = splitBertWords(" don't\u3000$3.50 «a»—b ~#\u0085x\ufeffy ");
  assertEquals(
    words,
    ["don", "'", "t", "$", "3", ".", "50", "«", "a", "»", "—", "b", "~", "#", "x\ufeffy"],
  );
  // U+2E43 is punctuation since Unicode 9 only.
  assertEquals(splitBertWords("a\u2e42b\u2e43c"), ["a", "\u2e42", "b\u2e43c"]);
  assertEquals(splitBertWords(" "), []);
});
