/**
 * Makes sure that the shells are there for which completions are tested.
 *
 * @module
 */

import { aptInstall, canAptInstall } from "./apt.ts";
import { runProcess } from "./process.ts";

/** The shells beside bash, which are also the names of their packages. */
const SHELLS = ["zsh", "fish"];

/** How the set-up touches the machine; replaced in tests. */
export interface ShellSteps {
  /** Tells whether a program is there. */
  readonly has: (program: string) => Promise<boolean>;
  /** Installs packages; undefined where that is not possible. */
  readonly install: ((packages: readonly string[]) => Promise<string | undefined>) | undefined;
  /** Tells the user about slow work. */
  readonly tell: (line: string) => void;
}

/**
 * Finds zsh and fish, and installs what is missing if that can be done without questions.
 *
 * @param steps How to touch the machine.
 * @returns Nothing when both are there, else one text on what is missing and what to install.
 */
export async function setUpShells(steps: ShellSteps = realSteps()): Promise<string | undefined> {
  const missing: string[] = [];
  for (const shell of SHELLS) if (!await steps.has(shell)) missing.push(shell);
  if (missing.length === 0) return undefined;
  const names = missing.join(" and ");
  const packages = missing.join(" ");
  if (steps.install === undefined) {
    return `No ${names}: install them for the tests of completions, on Debian with ` +
      `sudo apt-get install ${packages}`;
  }
  steps.tell(`Installing ${names}`);
  const failure = await steps.install(missing);
  return failure && `No ${names}: apt-get could not install ${packages}:\n${failure}`;
}

function realSteps(): ShellSteps {
  return {
    has: async (program) => (await runProcess([program, "--version"])).code === 0,
    install: canAptInstall() ? aptInstall : undefined,
    tell: (line) => console.error(line),
  };
}
