// deno-lint-ignore-file camelcase -- the keys are those of tokenizer.json
/**
 * BERT's normaliser and pre-tokeniser as the `tokenizers` library in Rust has them.
 *
 * `@huggingface/tokenizers` has both, but leaves ideographs beyond U+FFFF unseparated, lowercases
 * a final sigma by context and follows the engine's Unicode version; ids would differ from
 * Python's.
 *
 * @module
 */

import {
  IDEOGRAPHS,
  NONSPACING_MARKS,
  REMOVED_CHARACTERS,
  WHITE_SPACE,
  WORDS,
} from "./bert_characters.ts";

/** The settings of a `BertNormalizer` in tokenizer.json. */
export interface BertNormalizerConfig {
  /** Always "BertNormalizer". */
  readonly type: "BertNormalizer";
  /** Whether control characters go and whitespace becomes a space. */
  readonly clean_text: boolean;
  /** Whether ideographs are set apart. */
  readonly handle_chinese_chars: boolean;
  /** Whether accents go; null or absent means as `lowercase`. */
  readonly strip_accents?: boolean | null;
  /** Whether letters become lower case. */
  readonly lowercase: boolean;
}

// No step but lowercasing changes printable ASCII.
const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * Normalises text as BERT's tokenizer does: clean, set ideographs apart, strip accents, lowercase.
 *
 * @param text The text.
 * @param settings The `normalizer` entry of tokenizer.json.
 * @returns The normalised text.
 */
export function normalizeBertText(text: string, settings: BertNormalizerConfig): string {
  const { clean_text, handle_chinese_chars, lowercase, strip_accents } = settings;
  if (PRINTABLE_ASCII.test(text)) return lowercase ? text.toLowerCase() : text;
  if (clean_text) text = text.replace(REMOVED_CHARACTERS, "").replace(WHITE_SPACE, " ");
  if (handle_chinese_chars) text = text.replace(IDEOGRAPHS, " $& ");
  if (strip_accents ?? lowercase) text = text.normalize("NFD").replace(NONSPACING_MARKS, "");
  return lowercase ? lowerCase(text) : text;
}

/**
 * Lowers the case of each character on its own.
 *
 * @param text The text.
 * @returns The text in lower case.
 */
export function lowerCase(text: string): string {
  // A capital sigma is the one letter whose lower case JavaScript takes from its neighbours.
  return text.replaceAll("Σ", "σ").toLowerCase();
}

/**
 * Splits normalised text into words and single punctuation characters.
 *
 * @param text The normalised text.
 * @returns Its words, in order, without whitespace.
 */
export function splitBertWords(text: string): string[] {
  return text.match(WORDS) ?? [];
}
