import { assertEquals, assertThrows } from "@std/assert";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { createCloze, verbalizerTokens } from "../../lib/text/cloze.ts";
import { parseClozePattern } from "../../lib/text/cloze_pattern.ts";
import { createTokenizer, type Tokenizer } from "../../lib/text/tokenizer.ts";
import { TINY_TOKENIZER, TINY_TOKENIZER_CONFIG } from "../_tiny_tokenizer.ts";

const tiny = createTokenizer(TINY_TOKENIZER, TINY_TOKENIZER_CONFIG, "tokenizer.json");

async function fixture(name: string): Promise<Tokenizer> {
  const folder = new URL(`../../fixtures/architectures/${name}/`, import.meta.url);
  const read = async (file: string) => JSON.parse(await Deno.readTextFile(new URL(file, folder)));
  return createTokenizer(await read("tokenizer.json"), await read("tokenizer_config.json"), name);
}

/** A filled pattern in words, with the selected one in angle brackets. */
function ask(
  tokenizer: Tokenizer,
  pattern: string,
  [text, pair]: readonly [string, string?],
  maxLength = 64,
): string {
  const encoding = createCloze(parseClozePattern(pattern), tokenizer).encode(text, pair, maxLength);
  return [...encoding.ids]
    .map((id, i) => i === encoding.selected ? `>${tokenizer.spell(id)}<` : tokenizer.spell(id))
    .join(" ");
}

Deno.test("createCloze() fills a pattern and selects its mask", () => {
  assertEquals(
    ask(tiny, "{text}? It was [MASK].", ["A good film"]),
    "[CLS] a good film ? it was >[MASK]< . [SEP]",
  );
  assertEquals(
    ask(tiny, "{pair}? || [MASK], {text}", ["a good film", "was it bad"]),
    "[CLS] was it bad ? [SEP] >[MASK]< , a good film [SEP]",
  );
  const cloze = createCloze(parseClozePattern("{text} || it [MASK]"), tiny);
  assertEquals([...cloze.encode("bad", undefined, 64).typeIds], [0, 0, 0, 1, 1, 1]);
});

Deno.test("createCloze() selects its own mask where a text holds one", () => {
  assertEquals(
    ask(tiny, "{text} is it [MASK]?", ["the [MASK] film"]),
    "[CLS] the [MASK] film is it >[MASK]< ? [SEP]",
  );
});

Deno.test("createCloze() takes tokens from the texts alone, from the longer first", () => {
  const pattern = "{pair}? || [MASK], {text}";
  // Six tokens are the pattern's and special.
  const texts = ["a good film it was", "the plot"] as const;
  assertEquals(
    ask(tiny, pattern, texts, 12),
    "[CLS] the plot ? [SEP] >[MASK]< , a good film it [SEP]",
  );
  assertEquals(
    ask(tiny, pattern, texts, 10),
    "[CLS] the plot ? [SEP] >[MASK]< , a good [SEP]",
  );
  assertEquals(ask(tiny, pattern, texts, 6), "[CLS] ? [SEP] >[MASK]< , [SEP]");
  assertThrows(
    () => ask(tiny, pattern, texts, 5),
    UsageError,
    "the pattern and the special tokens are 6 tokens, expected at most 5",
  );
  assertEquals(
    ask(tiny, "[MASK], {text}!", ["a very good film"], 6),
    "[CLS] >[MASK]< , a ! [SEP]",
  );
});

Deno.test("createCloze() keeps a text's end where the tokenizer truncates on the left", () => {
  const config = { ...TINY_TOKENIZER_CONFIG, "truncation_side": "left" };
  const left = createTokenizer(TINY_TOKENIZER, config, "tokenizer.json");
  assertEquals(
    ask(left, "{text}, [MASK]", ["a very good film"], 6),
    "[CLS] good film , >[MASK]< [SEP]",
  );
});

Deno.test("createCloze() gives a word that pattern and text share to the pattern", () => {
  // "acting" is one token; "act" and "acting" begin differently.
  assertEquals(ask(tiny, "{text}ing [MASK]", ["bad act"], 6), "[CLS] bad acting >[MASK]< [SEP]");
  assertEquals(ask(tiny, "{text}ing [MASK]", ["bad act"], 4), "[CLS] acting >[MASK]< [SEP]");
});

Deno.test("createCloze() leaves the space before a mask to tokenizers that do", async () => {
  const [roberta, albert] = [await fixture("roberta"), await fixture("albert")];
  const pattern = "{text} [MASK] , not";
  assertEquals(ask(roberta, pattern, ["you"]), "<s> y ou ><mask>< Ġ , Ġnot </s>");
  assertEquals(ask(albert, pattern, ["you"]), "[CLS] ▁you >[MASK]< ▁ , ▁not [SEP]");
  // A mask at the start has no space before it, and the text behind it keeps its own.
  assertEquals(ask(roberta, "[MASK] {text}", ["not you"]), "<s> ><mask>< Ġnot Ġyou </s>");
});

Deno.test("createCloze() refuses rows with another number of texts than the pattern", () => {
  for (
    const [pattern, texts] of [
      ["{text} {pair} [MASK]", ["a"]],
      ["{text} [MASK]", ["a", "b"]],
    ] as const
  ) {
    assertThrows(() => ask(tiny, pattern, texts), UsageError, "{pair}");
  }
});

Deno.test("createCloze() refuses a tokenizer without a mask", () => {
  const tokens = TINY_TOKENIZER["added_tokens"] as { content: string }[];
  const added = tokens.filter(({ content }) => content !== "[MASK]");
  const model = TINY_TOKENIZER["model"] as { vocab: Record<string, number> };
  const { "[MASK]": _, ...vocab } = model.vocab;
  const json = { ...TINY_TOKENIZER, "added_tokens": added, model: { ...model, vocab } };
  const tokenizer = createTokenizer(json, undefined, "tokenizer.json");
  assertEquals(tokenizer.mask, undefined);
  const create = () => createCloze(parseClozePattern("{text} [MASK]"), tokenizer);
  const error = assertThrows(create, TinygraftError, "no mask token");
  assertEquals(error.code, "invalid-cloze");
});

Deno.test("verbalizerTokens() reads words as behind a space", async () => {
  const names = ["bert", "roberta", "albert", "xlm-roberta"];
  const spelled = names.map(async (name) => {
    const tokenizer = await fixture(name);
    return verbalizerTokens(tokenizer, ["order", "not"]).map(tokenizer.spell);
  });
  assertEquals(await Promise.all(spelled), [
    ["order", "not"],
    ["Ġorder", "Ġnot"],
    ["▁order", "▁not"],
    ["▁order", "▁not"],
  ]);
});

Deno.test("verbalizerTokens() refuses words of several tokens, unknown ones and twins", async () => {
  const cases = [
    [tiny, ["good", "goods"], '"goods"', '"good" "##s"'],
    [tiny, ["good", "漢"], '"漢"', '"[UNK]"'],
    [tiny, ["good", "bad", "Good"], '"Good"', 'same token as "good"'],
    [await fixture("roberta"), ["zoo"], '"zoo"', '"Ġ" "z" "oo"'],
  ] as const;
  for (const [tokenizer, words, word, found] of cases) {
    const error = assertThrows(() => verbalizerTokens(tokenizer, words), UsageError, found);
    assertEquals([error.code, error.message.includes(word)], ["invalid-cloze", true]);
  }
});
