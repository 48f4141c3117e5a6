/**
 * From text to token ids, equal to those of `AutoTokenizer` in Python's transformers.
 *
 * @module
 */

import { BPE, Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { UsageError } from "../errors.ts";
import type { BertNormalizerConfig } from "./bert_text.ts";
import { makeExact } from "./exact.ts";
import { findMask, type MaskToken } from "./mask.ts";
import { invalidTokenizer, parseTemplate, specialCount, type TemplatePiece } from "./template.ts";
import { longestFirst } from "./truncate.ts";

/** The tokens of a text or a pair of texts, special tokens included, without padding. */
export interface Encoding {
  /** Token ids, u32 [length]. */
  readonly ids: Uint32Array<ArrayBuffer>;
  /** Token type ids, u32 [length]: which text a token belongs to. */
  readonly typeIds: Uint32Array<ArrayBuffer>;
  /** Which token's hidden state a head reads, from 0; the first when left out. */
  readonly selected?: number;
}

/** Turns text into token ids; made by {@linkcode createTokenizer}. */
export interface Tokenizer {
  /**
   * Encodes a text, or two texts as a pair. An empty text is encoded as no tokens between the
   * special tokens; an empty `pair` still makes a pair, as in a batch of Python's. Truncation is
   * longest first; code units that are no valid UTF-16 count as U+FFFD.
   *
   * @param text The text.
   * @param pair The second text, or undefined for a single text.
   * @param maxLength Tokens the encoding may have, special tokens included.
   * @returns At most `maxLength` ids and type ids; the arrays are the caller's.
   * @throws {UsageError} when `maxLength` has no room for the special tokens.
   */
  encode(text: string, pair: string | undefined, maxLength: number): Encoding;
  /**
   * Gives the tokens of a text alone, without special tokens and of any length.
   *
   * @param text The text.
   * @returns Its ids; the array is the caller's.
   */
  tokenize(text: string): number[];
  /**
   * Puts the special tokens around texts that are tokens already; nothing is truncated.
   *
   * @param first Ids of the text.
   * @param second Ids of the second text, or undefined for a single text.
   * @param selected The token that a head reads: of which text, 0 or 1, and which of its tokens.
   * @returns The ids and type ids; the arrays are the caller's.
   */
  assemble(
    first: readonly number[],
    second: readonly number[] | undefined,
    selected: { readonly text: 0 | 1; readonly token: number },
  ): Encoding;
  /**
   * Counts the special tokens of an encoding.
   *
   * @param pair Whether it is one of two texts.
   * @returns The number of special tokens.
   */
  countSpecial(pair: boolean): number;
  /**
   * Spells a token as the vocabulary does.
   *
   * @param id The token.
   * @returns Its text, such as `##ing` or `\u0120yes`; empty where there is no such token.
   */
  spell(id: number): string;
  /** The token that a word is hidden behind; undefined where the tokenizer has none. */
  readonly mask: MaskToken | undefined;
  /** Id of the token for what is not in the vocabulary; undefined where everything is. */
  readonly unknownId: number | undefined;
  /** Which end of a text truncation takes tokens from. */
  readonly truncationSide: "left" | "right";
  /** One more than the largest id: rows a word table needs. */
  readonly vocabSize: number;
}

// Tokenizer classes whose own settings in tokenizer_config.json override tokenizer.json.
const BERT_CLASSES = /^(Bert|DistilBert|Electra)Tokenizer(Fast)?$/;

const MODEL_TYPES: readonly string[] = ["WordPiece", "BPE", "Unigram"];

/**
 * Creates a tokenizer from the two files that go with a model.
 *
 * @param tokenizerJson The parsed tokenizer.json.
 * @param tokenizerConfig The parsed tokenizer_config.json, when there is one: read are
 * `truncation_side` and, for BERT's own tokenizer classes, `do_lower_case`, `strip_accents` and
 * `tokenize_chinese_chars`, which win over tokenizer.json as in transformers.
 * @param path Path of tokenizer.json, for messages.
 * @returns The tokenizer.
 * @throws {TinygraftError} `invalid-tokenizer` when tokenizer.json cannot be used.
 *
 * @example Encoding a pair
 * ```ts
 * import { createTokenizer } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const tokenizer = createTokenizer(
 *   {
 *     added_tokens: [],
 *     normalizer: null,
 *     pre_tokenizer: { type: "BertPreTokenizer" },
 *     model: {
 *       type: "WordPiece",
 *       unk_token: "[UNK]",
 *       continuing_subword_prefix: "##",
 *       vocab: { "[UNK]": 0, "[CLS]": 1, "[SEP]": 2, graft: 3, "##s": 4 },
 *     },
 *     post_processor: { type: "BertProcessing", cls: ["[CLS]", 1], sep: ["[SEP]", 2] },
 *     decoder: null,
 *   },
 *   undefined,
 *   "tokenizer.json",
 * );
 * const { ids, typeIds } = tokenizer.encode("grafts", "graft", 16);
 * assertEquals([...ids], [1, 3, 4, 2, 3, 2]);
 * assertEquals([...typeIds], [0, 0, 0, 0, 1, 1]);
 * ```
 */
export function createTokenizer(
  tokenizerJson: Record<string, unknown>,
  tokenizerConfig: Record<string, unknown> | undefined,
  path: string,
): Tokenizer {
  const template = parseTemplate(tokenizerJson.post_processor, path);
  const inner = createInner(tokenizerJson, tokenizerConfig ?? {}, path);
  const vocabSize = 1 + largestId(inner, [...template.single, ...template.pair], path);
  const side = tokenizerConfig?.truncation_side === "left" ? "left" : "right";
  const piecesOf = (pair: boolean) => pair ? template.pair : template.single;

  // A piece that is not in the vocabulary has no id where there is no unknown token: it is dropped.
  const tokenize = (text: string) =>
    inner.encode(text.toWellFormed(), { add_special_tokens: false }).ids
      .filter((id) => id !== undefined);

  const encode = (text: string, pair: string | undefined, maxLength: number): Encoding => {
    const pieces = piecesOf(pair !== undefined);
    const room = roomFor(pieces, maxLength);
    const first = tokenize(text);
    const second = pair === undefined ? [] : tokenize(pair);
    const [keepFirst, keepSecond] = pair === undefined
      ? [Math.min(first.length, room), 0]
      : longestFirst(first.length, second.length, room);
    return layOut(pieces, keep(first, keepFirst, side), keep(second, keepSecond, side));
  };
  return {
    encode,
    tokenize,
    assemble(first, maybeSecond, { text, token }) {
      const [second, pair] = [maybeSecond ?? [], maybeSecond !== undefined];
      const pieces = piecesOf(pair);
      const lengths = { A: first.length, B: second.length };
      const start = startOf(pieces, text === 0 ? "A" : "B", lengths);
      return { ...layOut(pieces, first, second), selected: start + token };
    },
    countSpecial: (pair) => specialCount(piecesOf(pair)),
    spell: (id) => inner.id_to_token(id) ?? "",
    mask: findMask(inner, tokenizerConfig ?? {}),
    unknownId: inner.model?.unk_token_id,
    truncationSide: side,
    vocabSize,
  };
}

/** Builds the wrapped tokenizer, with its text rules made exact. */
function createInner(
  json: Record<string, unknown>,
  config: Record<string, unknown>,
  path: string,
): HuggingFaceTokenizer {
  const type = (json.model as { type?: unknown } | null)?.type;
  // Files of old leave the type out; any other type the wrapped tokenizer would misread.
  if (type !== undefined && !MODEL_TYPES.includes(String(type))) {
    throw invalidTokenizer(
      `model is of type "${type}", expected ${MODEL_TYPES.join(" or ")}`,
      path,
    );
  }
  try {
    const inner = new HuggingFaceTokenizer(json, config);
    makeExact(inner, bertOverrides(config));
    return inner;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw invalidTokenizer(reason, path, cause);
  }
}

/** The settings of tokenizer_config.json that win over tokenizer.json's normaliser. */
function bertOverrides(config: Record<string, unknown>): Partial<BertNormalizerConfig> {
  if (!BERT_CLASSES.test(String(config.tokenizer_class))) return {};
  const { do_lower_case, strip_accents, tokenize_chinese_chars } = config;
  return {
    ...(typeof do_lower_case === "boolean" && { lowercase: do_lower_case }),
    ...((typeof strip_accents === "boolean" || strip_accents === null) && { strip_accents }),
    ...(typeof tokenize_chinese_chars === "boolean" &&
      { handle_chinese_chars: tokenize_chinese_chars }),
  };
}

/** The largest id that can come out; every id must be usable as a row of the word table. */
function largestId(
  { model }: HuggingFaceTokenizer,
  pieces: readonly TemplatePiece[],
  path: string,
): number {
  let largest = -1;
  const special = pieces.flatMap((piece) => piece.kind === "special" ? piece.ids : []);
  for (const id of [...model?.tokens_to_ids.values() ?? [], ...special]) {
    if (!Number.isSafeInteger(id) || id < 0) {
      throw invalidTokenizer(`the vocabulary holds the id ${id}, expected a whole number`, path);
    }
    largest = Math.max(largest, id);
  }
  // Byte-level BPE has every byte in its vocabulary, so that nothing is unknown.
  const bytes = model instanceof BPE && (model.unk_token ?? null) === null;
  if (bytes || model?.unk_token_id !== undefined) return largest;
  const token = JSON.stringify(model?.unk_token ?? null);
  throw invalidTokenizer(`the unknown token ${token} is not in the vocabulary`, path);
}

/** Tokens of the texts that fit beside the special tokens. */
function roomFor(pieces: readonly TemplatePiece[], maxLength: number): number {
  const special = specialCount(pieces);
  if (Number.isSafeInteger(maxLength) && maxLength >= special) return maxLength - special;
  throw new UsageError(
    `Cannot encode text: the maximum length is ${maxLength}, expected a whole number of at ` +
      `least ${special}, the number of special tokens: raise it`,
  );
}

function keep(ids: readonly number[], count: number, side: "left" | "right"): readonly number[] {
  if (count === ids.length) return ids;
  return side === "right" ? ids.slice(0, count) : ids.slice(ids.length - count);
}

/** Tokens before a text in a template's order. */
function startOf(
  pieces: readonly TemplatePiece[],
  which: "A" | "B",
  lengths: { readonly A: number; readonly B: number },
): number {
  let start = 0;
  for (const piece of pieces) {
    if (piece.kind === "text" && piece.which === which) break;
    start += piece.kind === "special" ? piece.ids.length : lengths[piece.which];
  }
  return start;
}

/** Writes special tokens and texts in a template's order. */
function layOut(
  pieces: readonly TemplatePiece[],
  first: readonly number[],
  second: readonly number[],
): Encoding {
  const length = specialCount(pieces) + first.length + second.length;
  const ids = new Uint32Array(length);
  const typeIds = new Uint32Array(length);
  let next = 0;
  for (const piece of pieces) {
    const part = piece.kind === "special" ? piece.ids : piece.which === "A" ? first : second;
    ids.set(part, next);
    typeIds.fill(piece.typeId, next, next + part.length);
    next += part.length;
  }
  return { ids, typeIds };
}
