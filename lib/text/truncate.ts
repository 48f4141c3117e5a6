/**
 * Which tokens of a text, or of a pair of texts, are kept when there is not room for all.
 *
 * @module
 */

/**
 * Divides the room for tokens between two texts, longest first: tokens are taken from the longer
 * text until both are of one length, then from both. Where an odd token is left, the longer text
 * keeps it, and the second where both are as long.
 *
 * This is `LongestFirst` of the `tokenizers` library (`truncate_encodings`), whose result differs
 * by a token, in a few cases, from taking away one token at a time.
 *
 * @param first Tokens of the first text.
 * @param second Tokens of the second text.
 * @param room Tokens that may be kept, special tokens not counted.
 * @returns How many tokens of each text are kept.
 */
export function longestFirst(
  first: number,
  second: number,
  room: number,
): [first: number, second: number] {
  if (first + second <= room) return [first, second];
  const swapped = first > second;
  let shorter = Math.min(first, second);
  let longer = shorter > room ? shorter : Math.max(shorter, room - shorter);
  if (shorter + longer > room) {
    shorter = Math.floor(room / 2);
    longer = shorter + room % 2;
  }
  return swapped ? [longer, shorter] : [shorter, longer];
}
