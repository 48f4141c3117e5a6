// deno-lint-ignore-file camelcase -- pre_tokenizer is the package's name
/**
 * Parts of `@huggingface/tokenizers` with the results of the `tokenizers` library in Rust, which
 * Python uses.
 *
 * The package follows JavaScript's classes of characters and the engine's Unicode version, lowers
 * the case of a final sigma by its neighbours, and replaces a character map by NFKC; ids would
 * differ from Python's.
 *
 * @module
 */

import {
  BertNormalizer,
  BertPreTokenizer,
  ByteLevelPreTokenizer,
  LowercaseNormalizer,
  NFKDNormalizer,
  Normalizer,
  PrecompiledNormalizer,
  PreTokenizer,
  SequenceNormalizer,
  SequencePreTokenizer,
  StripAccentsNormalizer,
  WhitespaceSplitPreTokenizer,
} from "@huggingface/tokenizers";
import { COMBINING_MARKS, DECOMPOSABLE } from "./bert_characters.ts";
import {
  type BertNormalizerConfig,
  lowerCase,
  normalizeBertText,
  splitBertWords,
} from "./bert_text.ts";
import { characterMapNormalizer } from "./charsmap.ts";

/** The parts of the package's `Tokenizer` that are replaced. */
export interface TokenizerParts {
  /** A `Normalizer` of the package, or null. */
  normalizer: unknown;
  /** A `PreTokenizer` of the package, or null. */
  pre_tokenizer: unknown;
}

/** GPT-2's pattern, with whitespace by Unicode's White_Space property. */
const BYTE_LEVEL_WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu;

/**
 * Replaces the parts of a tokenizer whose results differ from the Rust library's.
 *
 * @param tokenizer The tokenizer; changed.
 * @param bert Settings that win over those of a `BertNormalizer` in tokenizer.json.
 * @throws {SyntaxError} when a character map cannot be read.
 */
export function makeExact(tokenizer: TokenizerParts, bert: Partial<BertNormalizerConfig>): void {
  tokenizer.normalizer = exactNormalizer(tokenizer.normalizer, bert);
  tokenizer.pre_tokenizer = exactPreTokenizer(tokenizer.pre_tokenizer);
}

function exactNormalizer<T>(
  normalizer: T,
  bert: Partial<BertNormalizerConfig>,
): T | Normalizer {
  if (normalizer instanceof SequenceNormalizer) {
    normalizer.normalizers = normalizer.normalizers.map((part) => exactNormalizer(part, bert));
  }
  if (normalizer instanceof BertNormalizer) {
    const settings = { ...normalizer.config as unknown as BertNormalizerConfig, ...bert };
    return new ExactNormalizer(normalizer, (text) => normalizeBertText(text, settings));
  }
  if (normalizer instanceof LowercaseNormalizer) return new ExactNormalizer(normalizer, lowerCase);
  if (normalizer instanceof NFKDNormalizer) {
    const decompose = (text: string) => text.replace(DECOMPOSABLE, (run) => run.normalize("NFKD"));
    return new ExactNormalizer(normalizer, decompose);
  }
  if (normalizer instanceof StripAccentsNormalizer) {
    return new ExactNormalizer(normalizer, (text) => text.replace(COMBINING_MARKS, ""));
  }
  if (normalizer instanceof PrecompiledNormalizer && typeof normalizer.charsmap === "string") {
    return new ExactNormalizer(normalizer, characterMapNormalizer(normalizer.charsmap));
  }
  return normalizer;
}

function exactPreTokenizer<T>(preTokenizer: T): T | PreTokenizer {
  if (preTokenizer instanceof SequencePreTokenizer) {
    preTokenizer.tokenizers = preTokenizer.tokenizers.map((part) => exactPreTokenizer(part));
  }
  if (preTokenizer instanceof ByteLevelPreTokenizer) preTokenizer.pattern = BYTE_LEVEL_WORDS;
  if (preTokenizer instanceof BertPreTokenizer) return new ExactPreTokenizer(splitBertWords);
  if (preTokenizer instanceof WhitespaceSplitPreTokenizer) {
    return new ExactPreTokenizer((text) => text.match(/\P{White_Space}+/gu) ?? []);
  }
  return preTokenizer;
}

/** A normaliser that is a function. */
class ExactNormalizer extends Normalizer {
  readonly #apply: (text: string) => string;

  constructor({ config }: Normalizer, apply: (text: string) => string) {
    super(config);
    this.#apply = apply;
  }

  override normalize(text: string): string {
    return this.#apply(text);
  }
}

/** A pre-tokeniser that is a function. */
class ExactPreTokenizer extends PreTokenizer {
  readonly #split: (text: string) => string[];

  constructor(split: (text: string) => string[]) {
    super();
    this.#split = split;
  }

  override pre_tokenize_text(text: string): string[] {
    return this.#split(text);
  }
}
