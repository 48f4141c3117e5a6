// deno-lint-ignore-file camelcase -- tokenizer.json spells its keys in snake_case
// The tokenizer of the tiny models: about a hundred WordPiece tokens.

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz0123456789"];
const WORDS = [
  ..."the a good bad film movie was is not very great dull plot and but it".split(" "),
  ..."acting story i love hate this".split(" "),
];

/** The tiny tokenizer's tokens; the position is the id. */
export const TINY_VOCABULARY: readonly string[] = [
  ...new Set([
    ...["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"],
    ...LETTERS,
    ...LETTERS.map((letter) => `##${letter}`),
    ...[".", ",", "!", "?", "'", '"', "-", "##s", "##ing"],
    ...WORDS,
  ]),
];

/** A lower-casing WordPiece tokenizer over `TINY_VOCABULARY`, as in tokenizer.json. */
export const TINY_TOKENIZER: Record<string, unknown> = {
  version: "1.0",
  truncation: null,
  padding: null,
  added_tokens: TINY_VOCABULARY.slice(0, 5).map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  })),
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
    single: [special("[CLS]", 0), sequence("A", 0), special("[SEP]", 0)],
    pair: [
      special("[CLS]", 0),
      sequence("A", 0),
      special("[SEP]", 0),
      sequence("B", 1),
      special("[SEP]", 1),
    ],
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
    vocab: Object.fromEntries(TINY_VOCABULARY.map((token, id) => [token, id])),
  },
};

/** The tiny tokenizer's tokenizer_config.json. */
export const TINY_TOKENIZER_CONFIG: Record<string, unknown> = {
  cls_token: "[CLS]",
  do_lower_case: true,
  mask_token: "[MASK]",
  model_max_length: 64,
  pad_token: "[PAD]",
  sep_token: "[SEP]",
  tokenizer_class: "BertTokenizer",
  unk_token: "[UNK]",
};

function special(id: string, type_id: number): Record<string, unknown> {
  return { SpecialToken: { id, type_id } };
}

function sequence(id: string, type_id: number): Record<string, unknown> {
  return { Sequence: { id, type_id } };
}
