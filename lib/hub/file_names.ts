/**
 * Names of files from a server, before anything is written under them.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { quote } from "../tensor/quote.ts";

/** The longest part of a path that common file systems take, in UTF-16 units. */
const LONGEST_PART = 255;
/** Names that Windows gives to devices, with any extension. */
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?$/i;

/**
 * Refuses paths that would leave their folder or meet each other on some platform.
 *
 * @param paths Paths with slashes, from an untrusted source.
 * @param repository Where they are from, for messages.
 * @throws {TinygraftError} with `unsafe-file-name` for a path that is empty, absolute, or has `.`,
 * `..`, a backslash, a drive, a scheme, a control character, a device's name or percent escapes
 * that hide one of these; for two that differ in case only, and for a file that is also a folder.
 */
export function assertSafePaths(paths: readonly string[], repository: string): void {
  const refuse = (path: string, found: string) => {
    throw new TinygraftError(
      `Cannot take ${
        quote(path)
      } from "${repository}": ${found}, expected a plain path: leave it ` +
        "out with --exclude",
      { code: "unsafe-file-name", path: repository },
    );
  };
  const files = new Map<string, string>();
  for (const path of paths) {
    const fault = faultOfPath(path);
    if (fault !== undefined) refuse(path, fault);
    const other = files.get(fold(path));
    if (other !== undefined) refuse(path, `it is ${quote(other)} but for case`);
    files.set(fold(path), path);
  }
  for (const path of paths) {
    const parts = fold(path).split("/");
    for (let count = 1; count < parts.length; count++) {
      const file = files.get(parts.slice(0, count).join("/"));
      if (file !== undefined) refuse(path, `${quote(file)} is a file, too`);
    }
  }
}

/** What is equal for names that some file system takes for one. */
function fold(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

function faultOfPath(path: string): string | undefined {
  // A later layer could decode what is escaped, once or several times.
  for (let text = path;;) {
    const fault = faultOfText(text);
    if (fault !== undefined) return fault;
    const decoded = text.replace(
      /%([0-9a-f]{2})/gi,
      (_, digits) => String.fromCharCode(parseInt(digits, 16)),
    );
    if (decoded === text) return undefined;
    text = decoded;
  }
}

function faultOfText(path: string): string | undefined {
  if (!path.isWellFormed()) return "it is no valid text";
  if (/[\\:\p{Cc}]/u.test(path)) return "it has a backslash, a colon or a control character";
  for (const part of path.split("/")) {
    if (part === "" || part === "." || part === "..") return "it leaves its folder or is empty";
    if (part.length > LONGEST_PART) return "it is too long";
    if (DEVICE.test(part)) return "it is a device's name on Windows";
    if (/[. ]$/.test(part)) return "it ends with a dot or a blank";
  }
  return undefined;
}
