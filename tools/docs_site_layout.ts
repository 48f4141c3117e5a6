/**
 * What surrounds every page of the documentation: its head, the list of pages, its foot.
 *
 * @module
 */

import { GROUPS } from "../cli/command.ts";
import { COMMANDS } from "../cli/commands.ts";
import { Html, html } from "../lib/report/html.ts";
import { VERSION } from "../lib/version.ts";
import { listFiles, readFiles } from "./files.ts";

/** A part of the list of pages: a heading, and pages with their names. */
interface Section {
  readonly title: string;
  /** Page to name, in order. */
  readonly pages: readonly (readonly [page: string, name: string])[];
}

/** The pages that have a place of their own, in the order in which they are listed. */
const PLACED: readonly Section[] = [
  {
    title: "Begin",
    pages: [
      ["index.html", "What it is"],
      ["start.html", "Five-minute start"],
      ["merging.html", "What merging costs"],
    ],
  },
  {
    title: "Guides",
    pages: [
      ["guides/merge.html", "Merge an adapter"],
      ["guides/gate.html", "Gate a pull request"],
      ["guides/push.html", "Push to the Hub"],
      ["guides/train.html", "Train on your own data"],
      ["guides/backend-op.html", "Write a new backend op"],
      ["guides/architecture.html", "Add an architecture"],
    ],
  },
  {
    title: "Reference",
    pages: [
      ["formats.html", "Formats"],
      ["api/index.html", "Library"],
      ["commands/index.html", "Commands"],
    ],
  },
  ...GROUPS.map((group): Section => ({
    title: `Commands: ${group.toLowerCase()}`,
    pages: COMMANDS.filter((command) => command.group === group)
      .map(({ name }) => [`commands/${name}.html`, `tinygraft ${name}`] as const),
  })),
];

/** Every page, in the order in which they are listed: documents without a place come last. */
export const SECTIONS: readonly Section[] = [...PLACED, ...otherPages()];

/** Documents that no section names. */
function otherPages(): Section[] {
  const placed = new Set(PLACED.flatMap(({ pages }) => pages.map(([page]) => `docs/${page}`)));
  const texts = [...readFiles(listFiles("docs", ".md"))];
  const pages = texts.map(([path, text]) => {
    const heading = /^# (.+)$/m.exec(text)?.[1] ?? path;
    return [path.replace(/\.md$/, ".html"), heading] as const;
  }).filter(([page]) => !placed.has(page));
  if (pages.length === 0) return [];
  return [{
    title: "More",
    pages: pages.map(([page, name]) => [page.slice("docs/".length), name] as const),
  }];
}

/**
 * Puts a page's content into the site's frame.
 *
 * @param page The page, relative to the site's root.
 * @param content What stands in its main part; begins with its heading.
 * @returns The whole page.
 */
export function renderPage(page: string, content: string): string {
  const root = "../".repeat(page.split("/").length - 1);
  const title = (/<h1[^>]*>(.*?)<\/h1>/s.exec(content)?.[1] ?? "").replace(/<[^>]*>/g, "");
  const isHome = page === "index.html";
  return html`
    <!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <title>${new Html(title)}${isHome ? undefined : " · tinygraft"}</title>
        <link rel="stylesheet" href="${root}theme.css">
        <link rel="stylesheet" href="${root}site.css">
      </head>
      <body>
        <a class="skip" href="#content">Skip to the content</a>
        <header><a href="${root}index.html">tinygraft</a> <span>${VERSION}</span>
    <a class="to-pages" href="#pages">Pages</a></header>
        <div class="columns">
          <main id="content">
  `.markup + `\n${content}\n` + html`
    </main>
    ${pageList(page, root)}
    </div>
    </body>
    </html>
  `.markup + "\n";
}

function pageList(current: string, root: string): Html {
  return html`
    <nav id="pages" aria-label="Pages">${SECTIONS.map(({ title, pages }) =>
      html`
        <h2>${title}</h2>
        <ul>${pages.map(([page, name]) =>
          html`<li><a href="${root}${page}"${
            page === current ? new Html(' aria-current="page"') : undefined
          }>${name}</a></li>`
        )}</ul>
      `
    )}</nav>
  `;
}
