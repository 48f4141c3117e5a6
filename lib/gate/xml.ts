/**
 * Text made safe for XML 1.0.
 *
 * @module
 */

// What XML 1.0 has no place for, escaped or not (section 2.2).
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g;

/**
 * Escapes text for the content of an element.
 *
 * @param text Any string; what XML cannot hold becomes U+FFFD.
 * @returns The text with its markup escaped.
 */
export function xmlText(text: string): string {
  // A carriage return that is not escaped would be read as a line feed.
  return text.toWellFormed().replace(FORBIDDEN, "\ufffd").replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\r", "&#13;");
}

/**
 * Escapes text for the value of an attribute in double quotes.
 *
 * @param text Any string; what XML cannot hold becomes U+FFFD.
 * @returns The text with its markup and its line breaks escaped.
 */
export function xmlAttribute(text: string): string {
  // Readers turn white space that is not escaped into plain spaces (section 3.3.3).
  return xmlText(text).replaceAll('"', "&quot;").replaceAll("\n", "&#10;").replaceAll("\t", "&#9;");
}
