// deno-lint-ignore-file camelcase -- the keys are those of tokenizer.json
import { assertEquals, assertThrows } from "@std/assert";
import { TinygraftError, UsageError } from "../../lib/errors.ts";
import { createTokenizer, type Encoding } from "../../lib/text/tokenizer.ts";

const WORDS =
  "[PAD] [UNK] [CLS] [SEP] [MASK] a b c d e graft ##s ##ed caf cafe ! [ ] mask 漢 σ ##σ Graft"
    .split(" ");

/** A small tokenizer.json in BERT's form. */
function json(changes: Record<string, unknown> = {}): Record<string, unknown> {
  const special = (content: string) => ({
    id: WORDS.indexOf(content),
    content,
    special: true,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
  });
  const piece = (id: string, type_id: number) => ({ SpecialToken: { id, type_id } });
  const text = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  return {
    version: "1.0",
    // Kept in many published files; the caller's maximum length wins, and nothing is padded.
    truncation: { max_length: 4, strategy: "LongestFirst", stride: 0 },
    padding: { strategy: { Fixed: 128 }, pad_id: 0 },
    added_tokens: WORDS.slice(0, 5).map(special),
    normalizer: {
      type: "BertNormalizer",
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: true,
    },
    pre_tokenizer: { type: "BertPreTokenizer" },
    post_processor: {
      type: "TemplateProcessing",
      single: [piece("[CLS]", 0), text("A", 0), piece("[SEP]", 0)],
      pair: [piece("[CLS]", 0), text("A", 0), piece("[SEP]", 0), text("B", 1), piece("[SEP]", 1)],
      special_tokens: {
        "[CLS]": { id: "[CLS]", ids: [2], tokens: ["[CLS]"] },
        "[SEP]": { id: "[SEP]", ids: [3], tokens: ["[SEP]"] },
      },
    },
    decoder: { type: "WordPiece", prefix: "##", cleanup: true },
    model: {
      type: "WordPiece",
      unk_token: "[UNK]",
      continuing_subword_prefix: "##",
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(WORDS.map((word, id) => [word, id])),
    },
    ...changes,
  };
}

/** The tokens of an encoding, as one string. */
const tokens = ({ ids }: Encoding) => [...ids].map((id) => WORDS[id]).join(" ");

Deno.test("encode() places special tokens and type ids by the template", () => {
  const tokenizer = createTokenizer(json(), undefined, "tokenizer.json");
  const single = tokenizer.encode("Grafts a!", undefined, 128);
  assertEquals(tokens(single), "[CLS] graft ##s a ! [SEP]");
  assertEquals([...single.typeIds], [0, 0, 0, 0, 0, 0]);
  const pair = tokenizer.encode("grafted", "b c", 128);
  assertEquals(tokens(pair), "[CLS] graft ##ed [SEP] b c [SEP]");
  assertEquals([...pair.typeIds], [0, 0, 0, 0, 1, 1, 1]);
});

Deno.test("encode() gives special tokens only when the texts are empty", () => {
  const tokenizer = createTokenizer(json(), undefined, "tokenizer.json");
  assertEquals(tokens(tokenizer.encode("", undefined, 128)), "[CLS] [SEP]");
  assertEquals(tokens(tokenizer.encode("a", "", 128)), "[CLS] a [SEP] [SEP]");
  assertEquals(tokens(tokenizer.encode(" \t\u0000\u200b", undefined, 2)), "[CLS] [SEP]");
});

Deno.test("encode() truncates the longer text first, special tokens counted", () => {
  const tokenizer = createTokenizer(json(), undefined, "tokenizer.json");
  assertEquals(tokens(tokenizer.encode("a b c d e", undefined, 4)), "[CLS] a b [SEP]");
  assertEquals(tokens(tokenizer.encode("a b c d e", "a", 7)), "[CLS] a b c [SEP] a [SEP]");
  assertEquals(tokens(tokenizer.encode("a b c", "c d e", 8)), "[CLS] a b [SEP] c d e [SEP]");
  assertEquals(tokens(tokenizer.encode("a b", "c", 3)), "[CLS] [SEP] [SEP]");
});

Deno.test("encode() keeps a text's end when tokenizer_config.json truncates on the left", () => {
  const tokenizer = createTokenizer(json(), { truncation_side: "left" }, "tokenizer.json");
  assertEquals(tokens(tokenizer.encode("a b c d e", undefined, 4)), "[CLS] d e [SEP]");
});

Deno.test("encode() refuses a maximum length without room for the special tokens", () => {
  const tokenizer = createTokenizer(json(), undefined, "tokenizer.json");
  for (const maxLength of [1, 0, -1, 2.5, NaN]) {
    assertThrows(() => tokenizer.encode("a", undefined, maxLength), UsageError, "at least 2");
  }
  assertThrows(() => tokenizer.encode("a", "b", 2), UsageError, "at least 3");
});

Deno.test("encode() takes special tokens in the text for what they are", () => {
  const tokenizer = createTokenizer(json(), undefined, "tokenizer.json");
  const encoding = tokenizer.encode("a[MASK]b [SEP] [mask]", undefined, 128);
  assertEquals(tokens(encoding), "[CLS] a [MASK] b [SEP] [ mask ] [SEP]");
});

Deno.test("encode() removes accents and controls, and sets every ideograph apart", () => {
  const tokenizer = createTokenizer(json(), undefined, "tokenizer.json");
  assertEquals(
    tokens(tokenizer.encode("Cafe\u0301 C\u0007AFÉ", undefined, 9)),
    "[CLS] cafe cafe [SEP]",
  );
  // U+20000 is an ideograph of two UTF-16 units; it must not swallow its neighbour.
  const encoding = tokenizer.encode("a漢b \u{20000}c", undefined, 9);
  assertEquals(tokens(encoding), "[CLS] a 漢 b [UNK] c [SEP]");
  // Not a final sigma, which is another letter.
  assertEquals(tokens(tokenizer.encode("ΣΣ", undefined, 9)), "[CLS] σ ##σ [SEP]");
});

Deno.test("encode() reads unknown and overlong words as one unknown token", () => {
  const tokenizer = createTokenizer(json(), undefined, "tokenizer.json");
  const encoding = tokenizer.encode(`zebra ${"a".repeat(101)} 👋🏽 a`, undefined, 128);
  assertEquals(tokens(encoding), "[CLS] [UNK] [UNK] [UNK] a [SEP]");
});

Deno.test("encode() drops lone surrogates instead of failing", () => {
  const tokenizer = createTokenizer(json(), undefined, "tokenizer.json");
  assertEquals(
    tokens(tokenizer.encode("a \ud800 b\udc00", "\ud83d", 128)),
    "[CLS] a b [SEP] [SEP]",
  );
});

Deno.test("createTokenizer() takes special tokens from Bert- and RobertaProcessing", () => {
  const ends = { cls: ["[CLS]", 2], sep: ["[SEP]", 3] };
  const bert = createTokenizer(
    json({ post_processor: { type: "BertProcessing", ...ends } }),
    undefined,
    "tokenizer.json",
  ).encode("a", "b", 9);
  assertEquals([tokens(bert), ...bert.typeIds], ["[CLS] a [SEP] b [SEP]", 0, 0, 0, 1, 1]);
  const roberta = createTokenizer(
    json({ post_processor: { type: "RobertaProcessing", ...ends } }),
    undefined,
    "tokenizer.json",
  ).encode("a", "b", 9);
  assertEquals(tokens(roberta), "[CLS] a [SEP] [SEP] b [SEP]");
  assertEquals([...roberta.typeIds], [0, 0, 0, 0, 0, 0]);
});

Deno.test("createTokenizer() follows the template, whatever its order and tokens", () => {
  const post_processor = {
    type: "Sequence",
    processors: [{ type: "ByteLevel" }, {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A", type_id: 1 } }, { SpecialToken: { id: "end", type_id: 7 } }],
      pair: [{ Sequence: { id: "B", type_id: 1 } }, { Sequence: { id: "A", type_id: 0 } }],
      special_tokens: { end: { id: "end", ids: [3, 4], tokens: ["[SEP]", "[MASK]"] } },
    }],
  };
  const tokenizer = createTokenizer(json({ post_processor }), undefined, "tokenizer.json");
  const single = tokenizer.encode("a b c", undefined, 4);
  assertEquals([tokens(single), ...single.typeIds], ["a b [SEP] [MASK]", 1, 1, 7, 7]);
  assertEquals(tokens(tokenizer.encode("a", "b", 4)), "b a");
});

Deno.test("assemble() puts special tokens around ids and finds the selected one", () => {
  const piece = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const text = (id: string, type_id: number) => ({ Sequence: { id, type_id } });
  const pair = [piece("[CLS]"), text("B", 1), piece("[SEP]"), text("A", 0), piece("[SEP]")];
  const { post_processor } = json() as { post_processor: Record<string, unknown> };
  const swapped = { ...post_processor, pair };
  const tokenizer = createTokenizer(json({ post_processor: swapped }), undefined, "t.json");
  const [a, b, c] = tokenizer.tokenize("a b c") as [number, number, number];
  const single = tokenizer.assemble([a, b, c], undefined, { text: 0, token: 2 });
  assertEquals([tokens(single), single.selected], ["[CLS] a b c [SEP]", 3]);
  const first = tokenizer.assemble([a, b], [c], { text: 0, token: 1 });
  assertEquals([tokens(first), first.selected], ["[CLS] c [SEP] a b [SEP]", 4]);
  assertEquals([...first.typeIds], [0, 1, 0, 0, 0, 0]);
  assertEquals(tokenizer.assemble([a, b], [c], { text: 1, token: 0 }).selected, 1);
  assertEquals([tokenizer.countSpecial(false), tokenizer.countSpecial(true)], [2, 3]);
  assertEquals([tokenizer.spell(a), tokenizer.spell(9999), tokenizer.unknownId], ["a", "", 1]);
});

Deno.test("createTokenizer() lets a BERT tokenizer_config.json override the normaliser", () => {
  const cased = { tokenizer_class: "BertTokenizer", do_lower_case: false };
  const tokenizer = createTokenizer(json(), cased, "tokenizer.json");
  assertEquals(tokens(tokenizer.encode("Graft graft", undefined, 9)), "[CLS] Graft graft [SEP]");
  const generic = { tokenizer_class: "PreTrainedTokenizerFast", do_lower_case: false };
  const lower = createTokenizer(json(), generic, "tokenizer.json");
  assertEquals(tokens(lower.encode("Graft", undefined, 9)), "[CLS] graft [SEP]");
});

Deno.test("createTokenizer() needs no unknown token for byte-level BPE, and drops what has no id", () => {
  const byteLevel = json({
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: true },
    model: {
      type: "BPE",
      unk_token: null,
      vocab: { "[CLS]": 2, "[SEP]": 3, a: 5, b: 6, "Ġ": 7, "Ġa": 8 },
      merges: [["Ġ", "a"]],
    },
  });
  const { encode } = createTokenizer(byteLevel, undefined, "tokenizer.json");
  assertEquals([...encode("ab a zb", undefined, 9).ids], [2, 5, 6, 8, 7, 6, 3]);
});

Deno.test("createTokenizer() counts the rows that a word table needs", () => {
  assertEquals(createTokenizer(json(), undefined, "t.json").vocabSize, WORDS.length);
});

Deno.test("createTokenizer() refuses files that cannot be used", () => {
  const model = json().model as Record<string, unknown>;
  const template = json().post_processor as Record<string, unknown>;
  const faults: [Record<string, unknown>, string][] = [
    [{}, "post_processor"],
    [json({ post_processor: null }), "post_processor is of type null"],
    [json({ post_processor: { type: "BertProcessing" } }), "lacks the ids"],
    [json({ post_processor: { ...template, single: 1 } }), "single is not a list"],
    [json({ post_processor: { ...template, special_tokens: {} } }), "not a template piece"],
    [json({ post_processor: { ...template, pair: template.single } }), "each of its texts once"],
    [json({ model: null }), ""],
    [json({ model: { type: "Abacus", vocab: {} } }), 'model is of type "Abacus"'],
    [json({ normalizer: { type: "Abacus" } }), "Abacus"],
    [json({ model: { ...model, unk_token: "[NONE]" } }), '"[NONE]" is not in the vocabulary'],
    [json({ model: { ...model, vocab: { "[UNK]": 0, a: 1.5 } } }), "the id 1.5"],
    [json({ added_tokens: undefined }), ""],
  ];
  for (const [file, message] of faults) {
    const create = () => createTokenizer(file, undefined, "m/tokenizer.json");
    const error = assertThrows(create, TinygraftError, message, JSON.stringify(message));
    assertEquals([error.code, error.path], ["invalid-tokenizer", "m/tokenizer.json"]);
  }
});
