/**
 * Makes the Python environment that the interop tests compare with, in `.cache/`.
 *
 * @module
 */

import { aptInstall, canAptInstall } from "./apt.ts";
import { exists, ROOT } from "./files.ts";
import { type Outcome, runProcess } from "./process.ts";

/** A Python interpreter with the packages, or why there is none and what to do. */
export type PythonEnvironment = { readonly path: string } | { readonly reason: string };

/** Where to make the environment, and how to run programs; replaced in tests. */
export interface PythonSteps {
  /** The folder that holds the environments. */
  readonly cache: string;
  /** The pinned packages, in pip's format. */
  readonly requirements: string;
  /** Runs a program to its end. */
  readonly run: (command: readonly string[]) => Promise<Outcome>;
  /** Installs system packages; undefined where that is not possible. */
  readonly install: ((packages: readonly string[]) => Promise<string | undefined>) | undefined;
  /** Tells the user about slow work. */
  readonly tell: (line: string) => void;
}

const CHECK_VERSION = "import sys; sys.exit(sys.version_info < (3, 11))";
const CHECK_VENV = "import ensurepip, venv";
const MARKER = "complete"; // written last: an environment without it was left half-made
const ATTEMPTS = 3; // of the download

/**
 * Finds or makes the environment: `.cache/venv-<hash of the pinned versions>`. A Python named by
 * TINYGRAFT_PYTHON is taken as it is.
 *
 * @param steps How to touch the machine.
 * @returns The interpreter's path, or one line on what is missing.
 */
export async function pythonEnvironment(
  steps: PythonSteps = realSteps(),
): Promise<PythonEnvironment> {
  const given = Deno.env.get("TINYGRAFT_PYTHON");
  if (given) return { path: given };
  const folder = `${steps.cache}/venv-${await shortHash(steps.requirements)}`;
  const path = Deno.build.os === "windows"
    ? `${folder}/Scripts/python.exe`
    : `${folder}/bin/python`;
  if (exists(`${folder}/${MARKER}`)) return { path };
  const python = Deno.build.os === "windows" ? "python" : "python3";
  const reason = await missing(python, steps) ?? await make(folder, python, path, steps);
  return reason === undefined
    ? { path }
    : { reason: `Cannot make a Python environment: ${reason}` };
}

/** What the machine lacks, after installing what can be installed; undefined when nothing. */
async function missing(python: string, steps: PythonSteps): Promise<string | undefined> {
  const version = await steps.run([python, "-c", CHECK_VERSION]);
  if (version.code === 127) return `${python} is not there; install Python 3.11 or newer`;
  if (version.code !== 0) return `${python} is too old; install Python 3.11 or newer`;
  if ((await steps.run([python, "-c", CHECK_VENV])).code === 0) return undefined;
  if (steps.install) {
    steps.tell("Installing python3-venv");
    await steps.install(["python3-venv"]);
    if ((await steps.run([python, "-c", CHECK_VENV])).code === 0) return undefined;
  }
  return `${python} lacks its venv module; on Debian and Ubuntu install python3-venv`;
}

/** Makes the environment and fills it; returns what went wrong. */
async function make(
  folder: string,
  python: string,
  path: string,
  steps: PythonSteps,
): Promise<string | undefined> {
  steps.tell(`Making a Python environment in ${folder} (once; it downloads packages)`);
  await Deno.mkdir(steps.cache, { recursive: true });
  const made = await steps.run([python, "-m", "venv", "--clear", folder]);
  if (made.code !== 0) return `python -m venv failed:\n${made.output}`;
  const requirements = `${folder}/requirements.txt`;
  await Deno.writeTextFile(requirements, steps.requirements);
  const pip = [path, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"];
  for (let attempt = 1;; attempt++) {
    const { code, output } = await steps.run([...pip, "--requirement", requirements]);
    if (code === 0) break;
    if (attempt === ATTEMPTS) return `pip install failed ${attempt} times:\n${output}`;
    steps.tell(`pip install failed, trying again (${attempt} of ${ATTEMPTS - 1})`);
  }
  await Deno.writeTextFile(`${folder}/${MARKER}`, "");
  return undefined;
}

/** The first 12 hexadecimal digits of a text's SHA-256. */
async function shortHash(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex().slice(0, 12);
}

/**
 * The steps on this machine.
 *
 * @param more Pinned packages to add to `tools/requirements.txt`, in pip's format.
 */
export function realSteps(more = ""): PythonSteps {
  return {
    cache: `${ROOT}/.cache`,
    requirements: Deno.readTextFileSync(`${ROOT}/tools/requirements.txt`) + more,
    run: (command) => runProcess(command),
    install: canAptInstall() ? aptInstall : undefined,
    tell: (line) => console.error(line),
  };
}

if (import.meta.main) {
  const python = await pythonEnvironment();
  if ("reason" in python) {
    console.error(python.reason);
    Deno.exit(1);
  }
  console.log(python.path);
}
