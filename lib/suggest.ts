/**
 * Suggestions for misspelt names.
 *
 * @module
 */

import { closestString } from "@std/text/closest-string";
import { levenshteinDistance } from "@std/text/levenshtein-distance";

/**
 * Finds the name that a misspelt one may have meant.
 *
 * @param word What was given.
 * @param candidates The names there are.
 * @returns `; did you mean "NAME"?`, or nothing where none is alike: more than half of the letters
 * would have to change.
 */
export function didYouMean(word: string, candidates: readonly string[]): string {
  if (candidates.length === 0) return "";
  const closest = closestString(word, candidates);
  const changes = levenshteinDistance(word.toLowerCase(), closest.toLowerCase());
  const alike = 2 * changes <= Math.max(word.length, closest.length);
  return alike ? `; did you mean "${closest}"?` : "";
}
