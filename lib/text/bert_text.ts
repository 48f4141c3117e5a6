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

import { BertNormalizer, BertPreTokenizer } from "@huggingface/tokenizers";
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

/** Normalises text as BERT's tokenizer does: clean, set ideographs apart, strip, lowercase. */
export class ExactBertNormalizer extends BertNormalizer {
  readonly #settings: BertNormalizerConfig;

  /**
   * Creates the normaliser.
   *
   * @param settings The `normalizer` entry of tokenizer.json.
   */
  constructor(settings: BertNormalizerConfig) {
    super({ ...settings } as ConstructorParameters<typeof BertNormalizer>[0]);
    this.#settings = settings;
  }

  /**
   * Normalises one text.
   *
   * @param text The text.
   * @returns The normalised text.
   */
  override normalize(text: string): string {
    const { clean_text, handle_chinese_chars, lowercase } = this.#settings;
    if (PRINTABLE_ASCII.test(text)) return lowercase ? text.toLowerCase() : text;
    if (clean_text) text = text.replace(REMOVED_CHARACTERS, "").replace(WHITE_SPACE, " ");
    if (handle_chinese_chars) text = text.replace(IDEOGRAPHS, " $& ");
    if (this.#settings.strip_accents ?? lowercase) {
      text = text.normalize("NFD").replace(NONSPACING_MARKS, "");
    }
    // A capital sigma is the one letter whose lower case JavaScript takes from its neighbours.
    return lowercase ? text.replaceAll("Σ", "σ").toLowerCase() : text;
  }
}

/** Splits normalised text into words and single punctuation characters. */
export class ExactBertPreTokenizer extends BertPreTokenizer {
  /**
   * Splits one text.
   *
   * @param text The normalised text.
   * @returns Its words, in order, without whitespace.
   */
  override pre_tokenize_text(text: string): string[] {
    return text.match(WORDS) ?? [];
  }
}
