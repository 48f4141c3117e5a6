/**
 * `deno task screenshots`: takes the pictures of reports in `docs/images/`, from what the
 * repository ships.
 *
 * @module
 */

import { toFileUrl } from "@std/path";
import { type Browser, chromium } from "playwright-core";
import { setUpChromium } from "./chromium_setup.ts";
import { ROOT } from "./files.ts";
import { runProcess } from "./process.ts";

/** A picture of one report. */
interface Picture {
  /** Its name, without `.png`. */
  readonly name: string;
  /** The report: a file that {@linkcode COMMANDS} write. */
  readonly report: string;
  /** How wide and high the reader's window is, in pixels. */
  readonly viewport: { readonly width: number; readonly height: number };
  /** What the reader prefers. */
  readonly colorScheme: "light" | "dark";
  /** Where the page is scrolled to, as a selector; its start when left out. */
  readonly at?: string;
}

const DESK = { width: 1000, height: 900 };
const PHONE = { width: 390, height: 844 };

const PICTURES: readonly Picture[] = [
  { name: "check-light", report: "check.html", viewport: DESK, colorScheme: "light" },
  { name: "check-dark", report: "check.html", viewport: DESK, colorScheme: "dark" },
  { name: "check-phone", report: "check.html", viewport: PHONE, colorScheme: "light" },
  {
    name: "check-examples",
    report: "check.html",
    viewport: { width: 1000, height: 560 },
    colorScheme: "light",
    at: "section:has(#find)",
  },
  {
    name: "check-phone-dark",
    report: "check.html",
    viewport: PHONE,
    colorScheme: "dark",
    at: "section:has(#find)",
  },
  {
    name: "merge-heads",
    report: "merge.html",
    viewport: { width: 1000, height: 620 },
    colorScheme: "light",
    at: "section:has(ol.small)",
  },
];

/** Pictures that are larger make a repository slow to clone. */
const MOST_BYTES = 150_000;

/** In a folder with `mini`, so that reports name no folder of this machine. */
const COMMANDS = [
  "merge mini/adapter one-head --method average --report merge.html",
  "check mini/encoder --before mini/adapter --after one-head --data mini/data/dev.tsv " +
  "--device wasm --report check.html",
];

async function makeReports(folder: string): Promise<void> {
  await Deno.symlink(`${ROOT}/fixtures/mini`, `${folder}/mini`);
  for (const command of COMMANDS) {
    const program = [Deno.execPath(), "run", "-A", `${ROOT}/cli/main.ts`, ...command.split(" ")];
    const { output } = await runProcess(program, { cwd: folder });
    console.log(output.trimEnd());
  }
}

async function take(browser: Browser, folder: string, picture: Picture): Promise<void> {
  const { name, report, at, viewport, colorScheme } = picture;
  const page = await browser.newPage({ viewport, colorScheme, reducedMotion: "reduce" });
  await page.goto(toFileUrl(`${folder}/${report}`).href);
  if (at !== undefined) {
    await page.evaluate(`document.querySelector(${JSON.stringify(at)}).scrollIntoView()`);
  }
  const path = `${ROOT}/docs/images/${name}.png`;
  const { length } = await page.screenshot({ path });
  await page.close();
  console.log(`docs/images/${name}.png ${(length / 1000).toFixed(0)} kB`);
  if (length > MOST_BYTES) {
    throw new RangeError(
      `Cannot keep ${path}: it has ${length} bytes, expected at most ${MOST_BYTES}: show less`,
    );
  }
}

if (import.meta.main) {
  const setup = await setUpChromium();
  if ("reason" in setup) {
    console.error(setup.reason);
    Deno.exit(1);
  }
  const folder = await Deno.makeTempDir({ prefix: "tinygraft-screenshots-" });
  const browser = await chromium.launch({ executablePath: setup.path });
  try {
    await makeReports(folder);
    await Deno.mkdir(`${ROOT}/docs/images`, { recursive: true });
    for (const picture of PICTURES) await take(browser, folder, picture);
  } finally {
    await browser.close();
    await Deno.remove(folder, { recursive: true });
  }
}
