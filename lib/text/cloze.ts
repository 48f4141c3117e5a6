/**
 * Rows as cloze questions: a pattern filled with a row's texts, and the words that answer it.
 *
 * @module
 */

import { TinygraftError, UsageError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";
import type { ClozePattern, ClozePiece, ClozeSection } from "./cloze_pattern.ts";
import type { MaskToken } from "./mask.ts";
import type { Encoding, Tokenizer } from "./tokenizer.ts";
import { longestFirst } from "./truncate.ts";

/** Fills a pattern with texts; made by {@linkcode createCloze}. */
export interface Cloze {
  /** The pattern. */
  readonly pattern: ClozePattern;
  /**
   * Fills the pattern with a row's texts. The tokens are those of the whole filled text with its
   * special tokens. Where there are too many, the row's texts lose tokens, longest first; the
   * pattern and its mask never do.
   *
   * @param text The text.
   * @param pair The second text, if the row has one.
   * @param maxLength Tokens the encoding may have, special tokens included.
   * @returns The encoding, with the mask selected.
   * @throws {UsageError} with code `invalid-cloze` when the row has a second text and the pattern
   * no place for it or the reverse, and when `maxLength` has no room for the pattern.
   */
  encode(text: string, pair: string | undefined, maxLength: number): Encoding;
}

/** One token of a filled segment, and what it came from. */
interface FilledToken {
  readonly id: number;
  readonly from: ClozePiece["kind"] | "mask";
}

/**
 * Creates what fills a pattern.
 *
 * @param pattern The pattern, from `parseClozePattern`.
 * @param tokenizer The base's tokenizer.
 * @returns The cloze.
 * @throws {TinygraftError} with code `invalid-cloze` when the tokenizer has no mask token.
 */
export function createCloze(pattern: ClozePattern, tokenizer: Tokenizer): Cloze {
  const { mask } = tokenizer;
  if (mask === undefined) {
    throw new TinygraftError(
      "Cannot ask a cloze question: the base's tokenizer has no mask token, expected [MASK] or " +
        "<mask>: take the tokenizer of a model for masked tokens",
      { code: "invalid-cloze" },
    );
  }
  return {
    pattern,
    encode(text, pair, maxLength) {
      requireTexts(pattern, pair);
      const texts = { text, pair: pair ?? "" };
      const filled = pattern.segments.map((sections) => fill(sections, texts, mask, tokenizer));
      const special = tokenizer.countSpecial(filled.length > 1);
      const room = maxLength - special;
      const fits = filled.reduce((sum, tokens) => sum + tokens.length, 0) <= room;
      if (fits) return assemble(filled, tokenizer);
      const attributed = pattern.segments.map((sections) =>
        fill(sections, texts, mask, tokenizer, attribute)
      );
      return assemble(shorten(attributed, room, special, tokenizer), tokenizer);
    },
  };
}

/**
 * Finds the tokens of the words that answer a cloze question. A word counts as one behind a space,
 * however the pattern stands around the mask: byte-level and sentencepiece vocabularies hold such
 * words, and PET reads them so.
 *
 * @param tokenizer The base's tokenizer.
 * @param words The words, in the order of the labels.
 * @returns One token id a word.
 * @throws {UsageError} with code `invalid-cloze` for a word that is not one known token, and for
 * two words that are the same token.
 * @see T. Schick, H. Schütze, "Exploiting Cloze Questions for Few Shot Text Classification and
 * Natural Language Inference", 2021
 */
export function verbalizerTokens(tokenizer: Tokenizer, words: readonly string[]): number[] {
  const ids: number[] = [];
  for (const word of words) {
    const tokens = tokenizer.tokenize(` ${word}`);
    const [id] = tokens;
    if (id === undefined || tokens.length > 1 || id === tokenizer.unknownId) {
      const pieces = tokens.map((each) => quote(tokenizer.spell(each))).join(" ");
      throw invalidWord(word, `in the base's vocabulary it is ${pieces || "nothing"}`, "one token");
    }
    const same = ids.indexOf(id);
    if (same >= 0) {
      const found = `it is the same token as ${quote(words[same]!)}, ${quote(tokenizer.spell(id))}`;
      throw invalidWord(word, found, "a different one for each label");
    }
    ids.push(id);
  }
  return ids;
}

function invalidWord(word: string, found: string, expected: string): UsageError {
  return new UsageError(
    `Cannot use the word ${quote(word)} as an answer: ${found}, expected ${expected}: choose ` +
      "another word",
    { code: "invalid-cloze" },
  );
}

function requireTexts({ source, usesPair }: ClozePattern, pair: string | undefined): void {
  if (usesPair === (pair !== undefined)) return;
  const [found, help] = usesPair
    ? [
      "one text and the pattern has {pair}",
      "take rows of two, with --data and --text-pair or --task",
    ]
    : ["two texts and the pattern has no {pair}", "say with {pair} where the second one goes"];
  throw new UsageError(
    `Cannot use the cloze pattern ${quote(source)}: the rows have ${found}: ${help}`,
    { code: "invalid-cloze" },
  );
}

type Texts = Readonly<Record<"text" | "pair", string>>;

/**
 * Tokenises a segment. The mask divides it for the tokenizer too, so that its sections can be
 * tokenised each for itself, and a mask token within a text is not taken for the pattern's.
 */
function fill(
  sections: readonly ClozeSection[],
  texts: Texts,
  mask: MaskToken,
  tokenizer: Tokenizer,
  sourcesOf: typeof attribute = () => [],
): FilledToken[] {
  return sections.flatMap((section, index) => {
    let whole = section.map((piece) => textOf(piece, texts)).join("");
    if (mask.stripsLeft && index < sections.length - 1) whole = whole.trimEnd();
    if (mask.stripsRight && index > 0) whole = whole.trimStart();
    const ids = tokenizer.tokenize(whole);
    const sources = sourcesOf(ids, section, texts, tokenizer);
    const tokens = ids.map((id, i): FilledToken => ({ id, from: sources[i] ?? "literal" }));
    return index === 0 ? tokens : [{ id: mask.id, from: "mask" } as const, ...tokens];
  });
}

function textOf(piece: ClozePiece, texts: Texts): string {
  return piece.kind === "literal" ? piece.text : texts[piece.kind];
}

/**
 * Says which piece each token came from. What the section is up to a piece's end begins with the
 * same tokens as the whole; where the piece ends within a word, that word's tokens may differ, and
 * count as the next piece's.
 */
function attribute(
  ids: readonly number[],
  section: ClozeSection,
  texts: Texts,
  tokenizer: Tokenizer,
): ClozePiece["kind"][] {
  const sources: ClozePiece["kind"][] = [];
  let upTo = "";
  for (const [index, piece] of section.entries()) {
    upTo += textOf(piece, texts);
    const end = index === section.length - 1
      ? ids.length
      : sharedBeginning(tokenizer.tokenize(upTo), ids);
    while (sources.length < end) sources.push(piece.kind);
  }
  return sources;
}

function sharedBeginning(a: readonly number[], b: readonly number[]): number {
  let length = 0;
  while (length < a.length && a[length] === b[length]) length++;
  return length;
}

/** Takes tokens from the texts until all fit. */
function shorten(
  segments: readonly FilledToken[][],
  room: number,
  special: number,
  { truncationSide }: Tokenizer,
): FilledToken[][] {
  const all = segments.flat();
  const count = (kind: string) => all.filter(({ from }) => from === kind).length;
  const lengths = { text: count("text"), pair: count("pair") };
  const fixed = all.length - lengths.text - lengths.pair;
  if (fixed > room) {
    throw new UsageError(
      `Cannot ask the cloze question: the pattern and the special tokens are ${fixed + special} ` +
        `tokens, expected at most ${room + special}: raise --max-length or shorten the pattern`,
      { code: "invalid-cloze" },
    );
  }
  const [text, pair] = longestFirst(lengths.text, lengths.pair, room - fixed);
  const keeps = { text, pair };
  const seen = { text: 0, pair: 0 };
  return segments.map((tokens) =>
    tokens.filter(({ from }) => {
      if (from !== "text" && from !== "pair") return true;
      const index = seen[from]++;
      return truncationSide === "right"
        ? index < keeps[from]
        : index >= lengths[from] - keeps[from];
    })
  );
}

function assemble(segments: readonly FilledToken[][], tokenizer: Tokenizer): Encoding {
  const [first = [], second] = segments.map((tokens) => tokens.map(({ id }) => id));
  const positions = segments.map((tokens) => tokens.findIndex(({ from }) => from === "mask"));
  const text = positions[0]! >= 0 ? 0 : 1;
  return tokenizer.assemble(first, second, { text, token: positions[text]! });
}
