/**
 * `deno task test`: sets up what the tests need and runs them in groups, each a process.
 *
 * Words narrow the run to tests whose names hold them, paths to files; flags go to `deno test`.
 * With `--real` (`deno task test:real`) it runs the tests against Python's libraries and against
 * the models in ../shared instead, with `--browser` (`deno task test:browser`) those in Chromium.
 * The last line is `N passed, N failed`.
 *
 * Tests get every permission (-A): they start processes, make temporary folders and read driver
 * variables. None of them needs the network; only the set-up fetches anything.
 *
 * @module
 */

import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import { setUpChromium } from "./chromium_setup.ts";
import { exists, listFiles, ROOT } from "./files.ts";
import { writeOut } from "./process.ts";
import { pythonEnvironment } from "./python_env.ts";
import { setUpShells } from "./shell_setup.ts";
import {
  type Group,
  type Kind,
  kindOf,
  narrow,
  runGroup,
  splitArguments,
  sum,
  type Tally,
  type TestArguments,
} from "./test_runner.ts";
import { setUpWebgpu } from "./webgpu_setup.ts";

/** Takes a process's output. */
type Show = (chunk: Uint8Array) => void;

const FAILED: Tally = { passed: 0, failed: 1 };
const NOTHING: Tally = { passed: 0, failed: 0 };
/** What holds examples that run as tests; a folder's test files are not under these. */
const DOCUMENTED = ["lib", "mod.ts", "README.md", "ARCHITECTURE.md"];

/** Tests that run as one process: those of a kind of file, or the examples in documentation. */
type Part = Kind | "examples";

/** The tests of one part as a process; undefined when the arguments leave none. */
function groupOf(part: Part, args: TestArguments, env: Record<string, string>): Group | undefined {
  const files = part === "examples" ? documents(args.paths) : narrow(
    listFiles("tests", "_test.ts").filter((path) => kindOf(path) === part),
    args.paths,
  );
  if (files.length === 0) return undefined;
  return {
    name: part === "examples" ? "examples" : `${part} tests`,
    command: [
      Deno.execPath(),
      "test",
      "-A",
      "--permit-no-files",
      ...(part === "examples" ? ["--doc"] : []),
      ...args.flags,
      ...files,
    ],
    env,
    mayAbort: part === "gpu" || part === "real",
  };
}

/** The documents whose examples run: all of them, or those that the paths name. */
function documents(paths: readonly string[]): string[] {
  if (paths.length > 0) return paths.filter((path) => !path.startsWith("tests"));
  return DOCUMENTED.filter((path) => exists(`${ROOT}/${path}`));
}

/** Output that waits until another's is complete. */
class HeldOutput {
  #held: Uint8Array[] | undefined = [];

  /** Keeps output, or shows it once released. */
  show(chunk: Uint8Array): void {
    if (this.#held === undefined) writeOut(chunk);
    else this.#held.push(chunk.slice());
  }

  /** Shows what was kept; what comes afterwards is shown at once. */
  release(): void {
    for (const chunk of this.#held ?? []) writeOut(chunk);
    this.#held = undefined;
  }
}

/** Runs the tests of one part. */
async function runPart(
  part: Part,
  args: TestArguments,
  env: Record<string, string>,
  show: Show = writeOut,
) {
  const group = groupOf(part, args, env);
  return group ? await runGroup(group, show) : NOTHING;
}

/** Runs the tests that drive a GPU; without one, that is one failure unless it is allowed. */
async function runGpuTests(
  kind: "gpu" | "real",
  args: TestArguments,
  env: Record<string, string>,
  show: Show = writeOut,
) {
  if (!groupOf(kind, args, env)) return NOTHING;
  const allowed = Deno.env.get("TINYGRAFT_ALLOW_NO_GPU") === "1";
  const setup = await setUpWebgpu(!allowed);
  if ("reason" in setup) {
    const result = allowed ? "are left out" : "fail; TINYGRAFT_ALLOW_NO_GPU=1 leaves them out";
    console.error(`${setup.reason} (${kind} tests ${result})`);
    return allowed ? NOTHING : FAILED;
  }
  console.log(`WebGPU adapter: ${setup.name}${setup.software ? " (software)" : ""}`);
  return await runPart(kind, args, env, show);
}

/** Runs what needs nothing but this checkout. */
async function runOwnTests(args: TestArguments): Promise<Tally[]> {
  const env = runtimeFolderEnv();
  // Side by side, as each of them computes mostly on one core; their outputs do not mix.
  const held = new HeldOutput();
  const beside = async () => {
    const show = (chunk: Uint8Array) => held.show(chunk);
    return [
      await runGpuTests("gpu", args, env, show),
      await runPart("examples", args, env, show),
      await runPart("compute", args, env, show),
    ];
  };
  const main = runPart("main", args, env).finally(() => held.release());
  return (await Promise.all([main, beside()])).flat();
}

/** Runs what needs Python's libraries, or models that this checkout does not hold. */
async function runRealTests(args: TestArguments): Promise<Tally[]> {
  const python = await pythonEnvironment();
  if ("reason" in python) {
    console.error(python.reason);
    return [FAILED];
  }
  const withoutShells = await setUpShells();
  if (withoutShells !== undefined) console.error(withoutShells);
  const env = { ...runtimeFolderEnv(), TINYGRAFT_PYTHON: python.path };
  const tallies = [await runPart("interop", args, env)];
  if (exists(`${ROOT}/../shared/goldens`)) {
    tallies.push(await runGpuTests("real", args, env));
  } else {
    console.error("tests/real: not run, as ../shared with its models and goldens is absent");
  }
  return tallies;
}

/** Runs what needs a browser; without one, that is one failure. */
async function runBrowserTests(args: TestArguments): Promise<Tally[]> {
  const chromium = await setUpChromium();
  if ("reason" in chromium) {
    console.error(chromium.reason);
    return [FAILED];
  }
  return [await runPart("browser", args, { TINYGRAFT_CHROMIUM: chromium.path })];
}

/** The sets of tests that a flag of this program asks for. */
const SETS = new Map([["--real", runRealTests], ["--browser", runBrowserTests]]);

if (import.meta.main) {
  const flag = Deno.args.find((arg) => SETS.has(arg));
  const rest = Deno.args.filter((arg) => !SETS.has(arg));
  const args = splitArguments(rest, (arg) => exists(`${ROOT}/${arg}`));
  const { passed, failed } = sum(await (SETS.get(flag ?? "") ?? runOwnTests)(args));
  console.log(`${passed} passed, ${failed} failed`);
  Deno.exit(failed > 0 ? 1 : 0);
}
