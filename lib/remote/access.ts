/**
 * Remote folders as a command sees them: which files there are, their bytes and their text.
 *
 * @module
 */

import { TinygraftError } from "../errors.ts";
import { type HubAddress, parseAddress, showFolder, type WebAddress } from "./address.ts";
import { RemoteClient, type RemoteFile, type RemoteOptions } from "./client.ts";
import { HttpSource } from "./http_source.ts";
import { type HubListing, listHubFolder } from "./hub_listing.ts";
import { fetchText } from "./text.ts";

/** The longest index of shards that is read, in bytes. */
const MAX_INDEX_BYTES = 250_000_000;
/** The longest other text, in bytes: tokenizers are the largest. */
const MAX_TEXT_BYTES = 64 * 1024 * 1024;

/** A folder on a server, or one file in it. */
export interface RemoteFolder {
  /** The address as it may be shown: without a query. */
  readonly location: string;
  /** The folder's address as it may be shown, without a final slash. */
  readonly folder: string;
  /** The file that the address names; `undefined` when it is the folder's. */
  readonly file: string | undefined;
  /** The address of a file in the folder, as it may be shown. */
  path(name: string): string;
  /** Whether the folder has a file of this name; asks the server at most once for each. */
  has(name: string): Promise<boolean>;
  /** The names of the folder's files, sorted; `undefined` where the server lists none. */
  list(): Promise<string[] | undefined>;
  /** The paths of all files in the folder and below it, with slashes; as `list` else. */
  listAll(): Promise<string[] | undefined>;
  /** Opens a file by ranges: one request, which also brings its head. Need not be closed. */
  open(name: string): Promise<HttpSource>;
  /** Reads a UTF-8 text file whole. */
  readText(name: string): Promise<string>;
}

/**
 * Reads folders on servers, each file's head and each text at most once: all that one of these
 * returns for an address is the state that it found first.
 */
export class RemoteAccess {
  readonly #client: RemoteClient;
  readonly #files = new Map<string, FolderFiles>();

  /**
   * Creates it; no request is made.
   *
   * @param options How servers are reached.
   * @throws {UsageError} when the endpoint is no address.
   *
   * @example A server that cannot be reached
   * ```ts
   * import { openCheckpoint, RemoteAccess, TinygraftError } from "tinygraft";
   * import { assertRejects } from "@std/assert";
   *
   * const remote = new RemoteAccess({ offline: true });
   * await assertRejects(() => openCheckpoint("hf://org/name", { remote }), TinygraftError);
   * ```
   */
  constructor(options: RemoteOptions = {}) {
    this.#client = new RemoteClient(options);
  }

  /**
   * Finds the folder or file that an address means; no request is made.
   *
   * @param location An `hf://` or `http(s)://` address.
   * @returns The folder.
   * @throws {UsageError} when the address is malformed.
   */
  folder(location: string): RemoteFolder {
    const address = parseAddress(location, this.#client.endpoint);
    // A signature may hold for one file only, so it tells folders apart.
    const query = address.kind === "web" ? address.folder.search : "";
    const key = `${showFolder(address)}${query}`;
    const files = this.#files.get(key) ??
      (address.kind === "web"
        ? new WebFiles(this.#client, address)
        : new HubFiles(this.#client, address));
    this.#files.set(key, files);
    const { file } = address;
    const folder = showFolder(address);
    return {
      location: file === undefined ? folder : files.path(file),
      folder,
      file,
      path: (name) => files.path(name),
      has: (name) => files.has(name),
      list: async () => (await files.listAll())?.filter((path) => !path.includes("/")),
      listAll: () => files.listAll(),
      open: (name) => files.open(name),
      readText: (name) => files.readText(name),
    };
  }
}

/** Whether an error means that there is no such file. */
function isAbsence(error: unknown): boolean {
  return error instanceof TinygraftError && error.code === "file-not-found";
}

/** The files of one folder; what was found about each is kept. */
abstract class FolderFiles {
  readonly #sources = new Map<string, Promise<HttpSource>>();
  readonly #texts = new Map<string, Promise<string>>();

  constructor(readonly client: RemoteClient) {}

  abstract path(name: string): string;
  abstract has(name: string): Promise<boolean>;
  abstract listAll(): Promise<string[] | undefined>;
  /** Where a file is to be asked for; throws `file-not-found` where that is known not to be. */
  protected abstract locate(name: string): Promise<RemoteFile>;
  /** Checks a file that was opened against what is known of it. */
  protected abstract check(name: string, source: HttpSource): Promise<void>;

  open(name: string): Promise<HttpSource> {
    return remember(this.#sources, name, async () => {
      const source = await HttpSource.open(this.client, await this.locate(name));
      await this.check(name, source);
      return source;
    });
  }

  readText(name: string): Promise<string> {
    return remember(this.#texts, name, async () => {
      const limit = name.endsWith(".index.json") ? MAX_INDEX_BYTES : MAX_TEXT_BYTES;
      return await fetchText(this.client, await this.locate(name), limit);
    });
  }
}

/** Does something once for each name; failures that may pass are not remembered. */
function remember<T>(
  found: Map<string, Promise<T>>,
  name: string,
  find: () => Promise<T>,
): Promise<T> {
  const before = found.get(name);
  if (before !== undefined) return before;
  const promise = find();
  found.set(name, promise);
  promise.catch((error) => isAbsence(error) || found.delete(name));
  return promise;
}

/** A folder on a web server, which lists nothing: names are tried. */
class WebFiles extends FolderFiles {
  constructor(client: RemoteClient, readonly address: WebAddress) {
    super(client);
  }

  path(name: string): string {
    const { folder, file, url } = this.address;
    if (name === file) return `${url.origin}${url.pathname}`;
    return `${folder.origin}${folder.pathname}${encodeURIComponent(name)}`;
  }

  async has(name: string): Promise<boolean> {
    try {
      await (name.endsWith(".json") ? this.readText(name) : this.open(name));
      return true;
    } catch (error) {
      if (error instanceof TinygraftError && this.#means404(error.code)) return false;
      throw error;
    }
  }

  /**
   * Object stores answer 403 for what is not there, unless listing is allowed; and a file's own
   * signed address says nothing of its neighbours.
   */
  #means404(code: string): boolean {
    if (code === "file-not-found" || code === "hub-forbidden") return true;
    const isNeighbour = this.address.file !== undefined;
    return isNeighbour && (code === "hub-unauthorized" || code === "unexpected-answer");
  }

  listAll(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  protected locate(name: string): Promise<RemoteFile> {
    const { folder, file, url } = this.address;
    const path = this.path(name);
    if (name === file) return Promise.resolve({ url, path });
    const other = new URL(folder);
    other.pathname += encodeURIComponent(name);
    return Promise.resolve({ url: other, path });
  }

  protected check(): Promise<void> {
    return Promise.resolve();
  }
}

/** A folder of a repository on the Hub, which lists its files. */
class HubFiles extends FolderFiles {
  #listing: Promise<HubListing> | undefined;

  constructor(client: RemoteClient, readonly address: HubAddress) {
    super(client);
  }

  path(name: string): string {
    return `${showFolder(this.address)}/${name}`;
  }

  async has(name: string): Promise<boolean> {
    return (await this.#list()).files.has(name);
  }

  async listAll(): Promise<string[]> {
    return [...(await this.#list()).files.keys()].sort();
  }

  protected async locate(name: string): Promise<RemoteFile> {
    const { commit, files } = await this.#list();
    const path = this.path(name);
    if (!files.has(name)) {
      throw new TinygraftError(
        `Cannot read "${path}": the repository has no such file at commit ${commit}: check the path`,
        { code: "file-not-found", path },
      );
    }
    const { id, folder } = this.address;
    const folders = folder === "" ? [] : folder.split("/");
    const parts = [...id.split("/"), "resolve", commit, ...folders, ...name.split("/")];
    return { url: this.client.hubUrl(parts), path };
  }

  protected async check(name: string, source: HttpSource): Promise<void> {
    const listed = (await this.#list()).files.get(name)?.byteLength;
    if (listed === source.byteLength) return;
    throw new TinygraftError(
      `Cannot read "${source.path}": it has ${source.byteLength} bytes, expected ${listed} as the ` +
        "Hub lists it: try again later",
      { code: "size-mismatch", path: source.path },
    );
  }

  #list(): Promise<HubListing> {
    if (this.#listing === undefined) {
      this.#listing = listHubFolder(this.client, this.address);
      this.#listing.catch(() => this.#listing = undefined);
    }
    return this.#listing;
  }
}
