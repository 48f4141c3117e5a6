/**
 * Finds where bytes stop being UTF-8, which `TextDecoder` does not tell.
 *
 * @module
 */

/**
 * The well-formed sequences by their first byte (Unicode, table 3-7): the range of first bytes,
 * the range of second bytes, and how many bytes follow the first.
 */
const SEQUENCES: readonly (readonly [number, number, number, number, number])[] = [
  [0x00, 0x7f, 0, 0, 0],
  [0xc2, 0xdf, 0x80, 0xbf, 1],
  [0xe0, 0xe0, 0xa0, 0xbf, 2],
  [0xe1, 0xec, 0x80, 0xbf, 2],
  [0xed, 0xed, 0x80, 0x9f, 2],
  [0xee, 0xef, 0x80, 0xbf, 2],
  [0xf0, 0xf0, 0x90, 0xbf, 3],
  [0xf1, 0xf3, 0x80, 0xbf, 3],
  [0xf4, 0xf4, 0x80, 0x8f, 3],
];

/**
 * Finds the first byte that is not part of well-formed UTF-8.
 *
 * @param bytes Any bytes.
 * @returns The index at which the first ill-formed sequence starts, or -1 when there is none.
 */
export function findInvalidUtf8(bytes: Uint8Array): number {
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at]!;
    const sequence = SEQUENCES.find(([low, high]) => first >= low && first <= high);
    if (sequence === undefined) return at;
    const [, , low, high, following] = sequence;
    for (let i = 1; i <= following; i++) {
      const byte = bytes[at + i];
      if (byte === undefined || byte < (i === 1 ? low : 0x80) || byte > (i === 1 ? high : 0xbf)) {
        return at;
      }
    }
    at += 1 + following;
  }
  return -1;
}
