/**
 * Untrusted text made safe to print: names from files may hold control characters.
 *
 * @module
 */

const LONGEST_QUOTE = 200;

/**
 * Quotes text for an error message or a listing: on one line, with everything invisible escaped.
 *
 * Quotes, backslashes and controls are escaped as in JSON; format characters (bidirectional
 * overrides, joiners), line separators and unassigned code points too, so that a tensor's name
 * can neither forge lines nor drive a terminal.
 *
 * @param text Any string, ill-formed ones included.
 * @returns The text in double quotes, cut after 200 UTF-16 units with its length added.
 */
export function quote(text: string): string {
  if (text.length > LONGEST_QUOTE) {
    return `${escape(text.slice(0, LONGEST_QUOTE))}… (${text.length} characters)`;
  }
  return escape(text);
}

function escape(text: string): string {
  return JSON.stringify(text).replace(
    /[\p{C}\p{Zl}\p{Zp}]/gu,
    (character) =>
      Array.from(
        { length: character.length },
        (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, "0")}`,
      ).join(""),
  );
}
