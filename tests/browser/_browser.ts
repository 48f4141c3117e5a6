// Chromium for the tests of reports: opens pages from files and watches what they do.

import { assertEquals } from "@std/assert";
import { toFileUrl } from "@std/path";
import axe from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { setUpChromium } from "../../tools/chromium_setup.ts";

/** A page as a reader has it open. */
export interface OpenPage {
  /** The page. */
  readonly page: Page;
  /** What the console said, and what scripts threw. */
  readonly complaints: readonly string[];
  /** Every address that was asked for, the page's own first. */
  readonly requests: readonly string[];
}

/** Runs a test with a browser of its own, which is closed afterwards. */
export function browserTest(name: string, test: (browser: Browser) => Promise<void>): void {
  Deno.test({
    name,
    // Playwright keeps its pipe to the browser for the process's life.
    ...{ sanitizeOps: false, sanitizeResources: false },
    fn: async () => await test(await sharedBrowser()),
  });
}

let browser: Promise<Browser> | undefined;

Deno.test.afterAll(async () => {
  await (await browser)?.close();
});

function sharedBrowser(): Promise<Browser> {
  return browser ??= launch();
}

/** Starts Chromium without a window. */
export async function launch(): Promise<Browser> {
  const setup = await setUpChromium();
  if ("reason" in setup) throw new Error(setup.reason);
  return await chromium.launch({ executablePath: setup.path });
}

/** Opens a page from a file, with what the reader's browser is like, and closes it after `use`. */
export async function withPage(
  browser: Browser,
  markup: string,
  options: BrowserContextOptions,
  use: (open: OpenPage) => Promise<void>,
): Promise<void> {
  const path = await Deno.makeTempFile({ suffix: ".html" });
  const context = await browser.newContext(options);
  context.setDefaultTimeout(10_000);
  try {
    await Deno.writeTextFile(path, markup);
    const page = await context.newPage();
    const complaints: string[] = [];
    const requests: string[] = [];
    page.on("console", (message) => complaints.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => complaints.push(error.message));
    context.on("request", (request) => requests.push(request.url()));
    await page.goto(toFileUrl(path).href);
    await use({ page, complaints, requests });
    assertEquals({ complaints, requests }, { complaints: [], requests: [toFileUrl(path).href] });
  } finally {
    await context.close();
    await Deno.remove(path);
  }
}

/** Evaluates an expression in the page, whose types Deno does not know. */
export async function evaluate<T>(page: Page, expression: string): Promise<T> {
  return await page.evaluate(expression) as T;
}

/** What the Web Content Accessibility Guidelines 2.2 ask for at levels A and AA, and good custom. */
const ALL_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** Asserts that the page can be read by everyone, as far as axe-core's rules can tell. */
export async function assertAccessible(
  page: Page,
  rules: readonly string[] = ALL_RULES,
): Promise<void> {
  if (!await evaluate<boolean>(page, "'axe' in globalThis")) await page.evaluate(axe.source);
  const options = JSON.stringify({ runOnly: rules, resultTypes: ["violations"] });
  const found = await evaluate<string[]>(
    page,
    `axe.run(document, ${options}).then(({ violations }) => violations.flatMap(
      ({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
        id + ": " + html.slice(0, 200) + " " + failureSummary)))`,
  );
  assertEquals(found, []);
}

/** Unfolds everything that can be unfolded. */
export async function unfold(page: Page): Promise<void> {
  await page.evaluate("document.querySelectorAll('details').forEach((one) => one.open = true)");
}
