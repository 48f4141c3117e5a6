/**
 * SentencePiece's precompiled character map: the normaliser of XLM-RoBERTa's and ALBERT's
 * tokenizers, a double-array trie from UTF-8 sequences to their replacements (`normalizer.cc` of
 * SentencePiece; the order of tries is that of the `spm_precompiled` library in Rust, which Python
 * uses).
 *
 * `@huggingface/tokenizers` puts NFKC in its place, which differs for a few hundred characters and
 * ignores the map of the file.
 *
 * @module
 */

/** A map as it lies in tokenizer.json, taken apart. */
interface CharacterMap {
  /** Units of the double-array trie. */
  readonly trie: Uint32Array;
  /** Replacements in UTF-8, each ended by NUL; leaves of the trie say where one begins. */
  readonly replacements: Uint8Array;
}

/** Code units that the longest UTF-8 sequence which is looked up as a whole may have, plus 1. */
const LONGEST_GRAPHEME = 6;

// Printable ASCII has graphemes of one character each.
const PRINTABLE_ASCII = /^[ -~]*$/;

/**
 * Makes a normaliser of a precompiled character map.
 *
 * @param base64 `precompiled_charsmap` of tokenizer.json.
 * @returns The normaliser: text to text.
 * @throws {SyntaxError} when this is no such map.
 */
export function characterMapNormalizer(base64: string): (text: string) => string {
  const map = parseCharacterMap(base64);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });
  const known = new Map<string, string | undefined>();
  const lookUp = (chunk: string): string | undefined => {
    if (known.has(chunk)) return known.get(chunk);
    const found = findReplacement(map, encoder.encode(chunk));
    const replacement = found && decoder.decode(found);
    known.set(chunk, replacement);
    return replacement;
  };
  const character = (char: string) => lookUp(char) ?? char;
  const characters = (text: string) => Array.from(text, character).join("");
  return (text) => {
    if (PRINTABLE_ASCII.test(text)) return characters(text);
    let normalized = "";
    for (const { segment } of segmenter.segment(text)) {
      const short = encoder.encode(segment).length < LONGEST_GRAPHEME;
      normalized += (short ? lookUp(segment) : undefined) ?? characters(segment);
    }
    return normalized;
  };
}

/** Takes apart the length of the trie in bytes, its units, and the replacements. */
function parseCharacterMap(base64: string): CharacterMap {
  const bytes = Uint8Array.fromBase64(base64);
  const view = new DataView(bytes.buffer);
  const trieBytes = bytes.length < 4 ? NaN : view.getUint32(0, true);
  if (!(trieBytes > 0 && trieBytes % 4 === 0 && 4 + trieBytes <= bytes.length)) {
    throw new SyntaxError(
      `Cannot read a precompiled character map of ${bytes.length} bytes: its trie takes ` +
        `${trieBytes}, expected a multiple of 4 that fits`,
    );
  }
  const trie = Uint32Array.from(
    { length: trieBytes / 4 },
    (_, i) => view.getUint32(4 + 4 * i, true),
  );
  return { trie, replacements: bytes.subarray(4 + trieBytes) };
}

/**
 * Looks up the replacement of the shortest beginning of a key that has one; the rest of the key is
 * dropped, as the libraries do.
 */
function findReplacement(
  { trie, replacements }: CharacterMap,
  key: Uint8Array,
): Uint8Array | undefined {
  let position = offsetOf(trie[0]!);
  for (const byte of key) {
    if (byte === 0) return undefined;
    position ^= byte;
    const unit = trie[position] ?? 0;
    // The label is the low byte; the top bit marks a value, which has none.
    if ((unit & 0x800000ff) !== byte) return undefined;
    position ^= offsetOf(unit);
    if ((unit & 0x100) === 0) continue;
    const begin = (trie[position] ?? 0) & 0x7fffffff;
    const end = replacements.indexOf(0, begin);
    return replacements.subarray(begin, end < 0 ? replacements.length : end);
  }
  return undefined;
}

/** Where a unit's children lie, relative to it: 22 bits, in steps of 1 or of 256. */
function offsetOf(unit: number): number {
  return (unit >>> 10) << ((unit & 0x200) >>> 6);
}
