/**
 * Turns documents into pages by Eleventy: `deno run -A --config tools/eleventy/deno.json
 * tools/eleventy/build.ts SITE.json`, from the checkout's root.
 *
 * It is a program of its own, with its own lock file, so that nobody who runs tinygraft downloads
 * the generator. What it is to build comes as JSON; pages are written without a frame.
 *
 * @module
 */

import { type MarkdownRenderer, setUpMarkdown } from "./markdown.ts";

/** What is to be built. */
export interface SiteSource {
  /** The folder of the documents, relative to the working folder. */
  readonly input: string;
  /** The folder to write, relative to the working folder. */
  readonly output: string;
  /** Pages that are no documents: page to what stands in its main part. */
  readonly pages: Readonly<Record<string, string>>;
  /** Files to copy: from where to where in the site. */
  readonly copies: Readonly<Record<string, string>>;
  /** The program's commands, each with a page. */
  readonly commands: readonly string[];
}

/** The part of Eleventy's configuration that is used here. */
interface SiteConfig {
  addTemplate(path: string, content: string): void;
  addGlobalData(name: string, data: unknown): void;
  addPassthroughCopy(paths: Readonly<Record<string, string>>): void;
  amendLibrary(name: "md", amend: (library: MarkdownRenderer) => void): void;
}

/** The part of Eleventy that is used here. */
interface Generator {
  readonly Eleventy: new (
    input: string,
    output: string,
    options: {
      readonly quietMode: boolean;
      readonly configPath: null;
      readonly config: (config: SiteConfig) => unknown;
    },
  ) => { init(): Promise<void>; write(): Promise<unknown> };
}

/** A name that is not written in the import: type checks of the checkout do without the package. */
const GENERATOR = "@11ty/eleventy";

/** The page of a source: beside it, with another ending. */
function pageOf({ page }: { readonly page: { readonly filePathStem: string } }): string {
  return `${page.filePathStem.slice(1)}.html`;
}

async function build({ input, output, pages, copies, commands }: SiteSource): Promise<void> {
  const { Eleventy }: Generator = await import(GENERATOR);
  const site = new Eleventy(input, output, {
    quietMode: true,
    configPath: null,
    config: (config) => {
      for (const [page, content] of Object.entries(pages)) config.addTemplate(page, content);
      config.addGlobalData("permalink", () => pageOf);
      config.addPassthroughCopy(copies);
      config.amendLibrary("md", (library) => setUpMarkdown(library, commands));
      return { markdownTemplateEngine: false, htmlTemplateEngine: false };
    },
  });
  await site.init();
  await site.write();
}

if (import.meta.main) await build(JSON.parse(await Deno.readTextFile(Deno.args[0]!)));
