/**
 * Small text files on a server, fetched whole.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { showUrl } from "./address.ts";
import type { Answer, RemoteClient, RemoteFile } from "./client.ts";
import { TransientError } from "./failures.ts";

/**
 * Refuses the web page that some servers send, with a good status, for what they do not have or
 * only show after a login.
 *
 * @param answer The answer to the request for a file.
 * @param path The file, as it may be shown.
 * @throws {TinygraftError} with `file-not-found` when a page came in the file's place.
 */
export function assertNoPage({ status, headers, url }: Answer, path: string): void {
  const isPage = headers.get("content-type")?.toLowerCase().startsWith("text/html");
  if (status !== 200 || !isPage) return;
  throw new TinygraftError(
    `Cannot read "${path}": ${showUrl(url)} sent an HTML page in its place, perhaps one that ` +
      "wants a login: check the address",
    { code: "file-not-found", path },
  );
}

/**
 * Fetches a whole file of bounded length.
 *
 * @param client The way to the server.
 * @param file Where it is.
 * @param limit The most bytes to take.
 * @returns Its bytes, which the caller owns, and the answer's headers.
 * @throws {TinygraftError} with `unexpected-answer` when it is longer, `size-mismatch` when it is
 * shorter than announced, `file-not-found` for a web page in its place, else as
 * {@linkcode RemoteClient.get}.
 */
export function fetchBytes(
  client: RemoteClient,
  file: RemoteFile,
  limit: number,
): Promise<{ bytes: Uint8Array<ArrayBuffer>; headers: Headers }> {
  const { url, path } = file;
  return client.get(path, () => ({ url, accept: [200] }), async (answer) => {
    assertNoPage(answer, path);
    const bytes = await answer.body.all(limit);
    const { headers } = answer;
    const announced = headers.get("content-length");
    // A server that compresses all the same announces the length of the compressed form.
    const isPlain = headers.get("content-encoding") === null;
    if (!isPlain || announced === null || Number(announced) === bytes.byteLength) {
      return { bytes, headers };
    }
    throw new TransientError(
      `Cannot read "${path}": ${showUrl(answer.url)} sent ${bytes.byteLength} bytes, expected ` +
        `${announced} as it announced: try again later`,
      { code: "size-mismatch", path },
    );
  });
}

/**
 * Fetches a UTF-8 text; a byte-order mark at its start is dropped.
 *
 * @param client The way to the server.
 * @param file Where it is.
 * @param limit The most bytes to take.
 * @returns The text.
 * @throws {TinygraftError} as {@linkcode fetchBytes}, or with `invalid-encoding`.
 */
export async function fetchText(
  client: RemoteClient,
  file: RemoteFile,
  limit: number,
): Promise<string> {
  const { bytes } = await fetchBytes(client, file, limit);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new TinygraftError(
      `Cannot read "${file.path}": its bytes are not valid UTF-8: check the address`,
      { code: "invalid-encoding", path: file.path, cause },
    );
  }
}
