/**
 * Looks through a built site: every link resolves, every page is listed and says something.
 *
 * @module
 */

import { join } from "@std/path";
import { COMMANDS } from "../cli/commands.ts";
import { SECTIONS } from "./docs_site_layout.ts";
import { listFiles } from "./files.ts";

/** What {@linkcode checkSite} found. */
export interface SiteFindings {
  /** Pages looked through. */
  readonly pages: number;
  /** One line for each fault. */
  readonly faults: readonly string[];
}

/** The fewest characters of text that a page's main part holds. */
const LEAST_TEXT = 200;
const LINK = /\s(?:href|src)="([^"]*)"/g;
const ID = /\sid="([^"]*)"/g;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", quot: '"', "#39": "'", "#x2F": "/" };

/**
 * Checks a built site.
 *
 * @param folder Where it is.
 * @returns The number of its pages, and what is wrong.
 */
export function checkSite(folder: string): SiteFindings {
  const files = new Set(listFiles(".", "", folder).map((path) => path.slice("./".length)));
  const pages = [...files].filter((path) => path.endsWith(".html"));
  const texts = new Map(pages.map((page) => [page, Deno.readTextFileSync(join(folder, page))]));
  const faults = [
    ...[...texts].flatMap(([page, text]) => brokenLinks(page, text, files, texts)),
    ...[...texts].filter(([page]) => !page.startsWith("api/")).flatMap(([page, text]) =>
      emptiness(page, text)
    ),
    ...unlisted(pages),
  ];
  return { pages: pages.length, faults };
}

function brokenLinks(
  page: string,
  text: string,
  files: ReadonlySet<string>,
  texts: ReadonlyMap<string, string>,
): string[] {
  const faults: string[] = [];
  const ids = new Map<string, Set<string>>();
  const targets = new Set([...text.matchAll(LINK)].map(([, target = ""]) => target));
  for (const target of targets) {
    const plain = target.replace(/&(amp|quot|#39|#x2F);/g, (_all, name) => ENTITIES[name]!);
    if (/^(?:https?|data|mailto):/.test(plain)) continue; // another site: not ours to check
    const { protocol, pathname, hash } = new URL(plain, `site:/${encodeURI(page)}`);
    const path = decodeURIComponent(pathname).slice(1).replace(/(^|\/)$/, "$1index.html");
    if (protocol !== "site:" || !files.has(path)) {
      faults.push(`${page} links to ${plain}, which is not there`);
    } else if (hash !== "" && !page.startsWith("api/")) {
      if (!ids.has(path)) ids.set(path, idsOf(texts.get(path) ?? ""));
      if (!ids.get(path)!.has(hash.slice(1))) {
        faults.push(`${page} links to ${plain}, a heading which is not there`);
      }
    }
  }
  return faults;
}

function idsOf(text: string): Set<string> {
  return new Set([...text.matchAll(ID)].map(([, id = ""]) => id));
}

function emptiness(page: string, text: string): string[] {
  const main = /<main[^>]*>([\s\S]*)<\/main>/.exec(text)?.[1] ?? "";
  const words = main.replace(/<[^>]*>/g, "").replace(/\s+/g, " ").trim();
  const isHeaded = /<h1[^>]*>\s*\S/.test(main);
  if (words.length >= LEAST_TEXT && isHeaded) return [];
  return [`${page} has ${words.length} characters${isHeaded ? "" : " and no heading"}`];
}

/** Pages that the list of pages does not lead to, and commands without a page. */
function unlisted(pages: readonly string[]): string[] {
  const listed = new Set(SECTIONS.flatMap((section) => section.pages.map(([page]) => page)));
  const own = pages.filter((page) => !page.startsWith("api/"));
  return [
    ...own.filter((page) => !listed.has(page)).map((page) => `${page} is in no list of pages`),
    ...COMMANDS.filter(({ name }) => !pages.includes(`commands/${name}.html`))
      .map(({ name }) => `tinygraft ${name} has no page`),
  ];
}
