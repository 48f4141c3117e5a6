/**
 * Makes sure that Chromium is there, for the tests that open reports in a real browser.
 *
 * @module
 */

import { aptInstall, canAptInstall } from "./apt.ts";
import { exists } from "./files.ts";
import { runProcess } from "./process.ts";

/** A browser that answers, or why there is none and what to do. */
export type ChromiumSetup =
  | { readonly path: string; readonly version: string }
  | { readonly reason: string };

/** How the set-up touches the machine; replaced in tests. */
export interface ChromiumSteps {
  /** The program that the user names, if any. */
  readonly named: string | undefined;
  /** Asks a program for its version; `undefined` when there is no such program or it fails. */
  readonly probe: (path: string) => Promise<string | undefined>;
  /** Installs packages; `undefined` where that is not possible. */
  readonly install: ((packages: readonly string[]) => Promise<string | undefined>) | undefined;
  /** Tells the user about slow work. */
  readonly tell: (line: string) => void;
}

/** Chromium brings no fonts of its own. */
const PACKAGES = ["chromium", "fonts-dejavu-core"];

/** Where Chromium and what is built on it lie. */
const PLACES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

const VARIABLE = "TINYGRAFT_CHROMIUM";

/**
 * Finds Chromium and, where there is none, installs Debian's if that can be done without questions.
 *
 * @param steps How to touch the machine.
 * @returns The program, or one line on why there is none and what to install.
 */
export async function setUpChromium(steps: ChromiumSteps = realSteps()): Promise<ChromiumSetup> {
  const { named, probe, install, tell } = steps;
  if (named !== undefined) {
    return await firstOf([named], probe) ??
      { reason: `No Chromium: ${VARIABLE} names ${named}, which does not tell its version` };
  }
  const found = await firstOf(PLACES, probe);
  if (found) return found;
  const packages = PACKAGES.join(" ");
  if (!install) {
    return {
      reason: `No Chromium: sudo apt-get install ${packages} on Debian, or set ${VARIABLE} to a ` +
        "program of Chromium or Chrome",
    };
  }
  tell(`Installing Chromium (${PACKAGES.join(", ")})`);
  const failure = await install(PACKAGES);
  if (failure !== undefined) {
    return { reason: `No Chromium: apt-get could not install ${packages}:\n${failure}` };
  }
  return await firstOf(PLACES, probe) ??
    { reason: `No Chromium: ${packages} are installed, yet no program tells its version` };
}

async function firstOf(
  paths: readonly string[],
  probe: ChromiumSteps["probe"],
): Promise<ChromiumSetup | undefined> {
  for (const path of paths) {
    const version = await probe(path);
    if (version !== undefined) return { path, version };
  }
  return undefined;
}

function realSteps(): ChromiumSteps {
  return {
    named: Deno.env.get(VARIABLE),
    probe: probeVersion,
    install: canAptInstall() ? aptInstall : undefined,
    tell: (line) => console.error(line),
  };
}

async function probeVersion(path: string): Promise<string | undefined> {
  if (!exists(path)) return undefined;
  const { code, output } = await runProcess([path, "--version"]);
  // Ubuntu's chromium-browser is a script that only says how to install a snap.
  return code === 0 ? output.match(/\b\d+(?:\.\d+){3}\b/)?.[0] : undefined;
}

if (import.meta.main) {
  const setup = await setUpChromium();
  if ("reason" in setup) {
    console.error(setup.reason);
    Deno.exit(1);
  }
  console.log(`Chromium ${setup.version}: ${setup.path}`);
}
