import { assertEquals } from "@std/assert";
import { findMask, type TokenizerVocabulary } from "../../lib/text/mask.ts";

const ADDED = new Map([
  [4, { content: "[MASK]", lstrip: false, rstrip: false }],
  [9, { content: "<hidden>", lstrip: true, rstrip: true }],
]);

const vocabulary = (ids: Record<string, number>): TokenizerVocabulary => ({
  get_added_tokens_decoder: () => ADDED,
  token_to_id: (token) => ids[token],
});

Deno.test("findMask() takes the token that tokenizer_config.json names, as text or object", () => {
  const both = vocabulary({ "[MASK]": 4, "<hidden>": 9 });
  const want = { id: 9, content: "<hidden>", stripsLeft: true, stripsRight: true };
  assertEquals(findMask(both, { "mask_token": "<hidden>" }), want);
  assertEquals(findMask(both, { "mask_token": { content: "<hidden>" } }), want);
});

Deno.test("findMask() looks for the usual names where the config is silent", () => {
  const bert = findMask(vocabulary({ "[MASK]": 4 }), {});
  assertEquals(bert, { id: 4, content: "[MASK]", stripsLeft: false, stripsRight: false });
  assertEquals(findMask(vocabulary({ "<mask>": 7 }), { "mask_token": null })?.id, 7);
  assertEquals(findMask(vocabulary({}), {}), undefined);
  assertEquals(findMask(vocabulary({ "[MASK]": 4 }), { "mask_token": "<gone>" }), undefined);
});
