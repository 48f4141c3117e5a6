/**
 * Patterns of cloze questions: a text with places for the row's texts and for the hidden word.
 *
 * @module
 */

import { UsageError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";

/** A part of a pattern: text that stands as it is, or the place of one of a row's texts. */
export type ClozePiece =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "text" }
  | { readonly kind: "pair" };

/** What stands on one side of the mask, or all of a segment that has none. */
export type ClozeSection = readonly ClozePiece[];

/** A pattern, taken apart; made by {@linkcode parseClozePattern}. */
export interface ClozePattern {
  /** The pattern as it was given. */
  readonly source: string;
  /** One segment, or two for a pair; the mask stands between the two sections of one of them. */
  readonly segments: readonly (readonly ClozeSection[])[];
  /** Whether it has a place for a row's second text. */
  readonly usesPair: boolean;
}

/** Whatever is no literal text; the mask may be written as either family of tokenizers spells it. */
const PLACES = /(\{[^{}]*\}|\[MASK\]|<mask>)/;
const MASKS: readonly string[] = ["{mask}", "[MASK]", "<mask>"];
const SEPARATORS = /\|\||\{sep\}/;

/**
 * Takes a pattern apart. `{text}` stands for a row's text, `{pair}` (or `{text-pair}`) for its
 * second text, `[MASK]`, `<mask>` or `{mask}` for the word to be guessed, and `||` (or `{sep}`)
 * divides the pattern into two segments, which are encoded as a pair.
 *
 * @param source The pattern.
 * @returns Its parts.
 * @throws {UsageError} with code `invalid-cloze` unless it has one mask, one `{text}`, at most one
 * `{pair}` and one separator, and no other name in braces.
 *
 * @example Premise and hypothesis as two segments
 * ```ts
 * import { parseClozePattern } from "tinygraft";
 * import { assertEquals } from "@std/assert";
 *
 * const { segments, usesPair } = parseClozePattern("{pair}? || [MASK], {text}");
 * assertEquals([segments.length, usesPair], [2, true]);
 * assertEquals(segments[1], [[], [{ kind: "literal", text: ", " }, { kind: "text" }]]);
 * ```
 */
export function parseClozePattern(source: string): ClozePattern {
  const parts = source.split(SEPARATORS);
  if (parts.length > 2) throw invalid(source, "more than one separator", "at most one");
  // Whitespace at an end of a segment means nothing, and some tokenizers would make a token of it.
  const segments = parts.map((part) => parseSegment(part.trim(), source));
  const pieces = segments.flat(2);
  const masks = segments.reduce((sum, sections) => sum + sections.length - 1, 0);
  const count = (kind: ClozePiece["kind"]) => pieces.filter((piece) => piece.kind === kind).length;
  const counts = [
    ["[MASK]", masks, 1, 1],
    ["{text}", count("text"), 1, 1],
    ["{pair}", count("pair"), 0, 1],
  ] as const;
  for (const [name, found, least, most] of counts) {
    if (found >= least && found <= most) continue;
    const times = found === 0 ? `no ${name}` : `${name} ${found} times`;
    throw invalid(source, times, least === most ? "one" : "at most one");
  }
  return { source, segments, usesPair: count("pair") > 0 };
}

function parseSegment(segment: string, source: string): ClozePiece[][] {
  const sections: ClozePiece[][] = [[]];
  for (const part of segment.split(PLACES)) {
    if (part === "") continue;
    if (MASKS.includes(part)) sections.push([]);
    else sections.at(-1)!.push(pieceOf(part, source));
  }
  return sections;
}

function pieceOf(part: string, source: string): ClozePiece {
  if (part === "{text}") return { kind: "text" };
  if (part === "{pair}" || part === "{text-pair}") return { kind: "pair" };
  if (!PLACES.test(part)) return { kind: "literal", text: part };
  throw invalid(source, part, "only {text}, {pair}, {mask} and {sep} in braces");
}

function invalid(source: string, found: string, expected: string): UsageError {
  return new UsageError(
    `Cannot use the cloze pattern ${quote(source)}: it has ${found}, expected ${expected}, as in ` +
      `"{text}? [MASK], {pair}"`,
    { code: "invalid-cloze" },
  );
}
