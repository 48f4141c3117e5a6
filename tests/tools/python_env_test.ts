import { assert, assertEquals } from "@std/assert";
import { pythonEnvironment, type PythonSteps } from "../../tools/python_env.ts";

/** Steps over a pretended machine: each command's exit code by what it contains. */
function machine(cache: string, codes: Record<string, number | number[]>, canInstall = false) {
  const log: string[] = [];
  const steps: PythonSteps = {
    cache,
    requirements: "numpy==1\n",
    run: (command) => {
      const line = command.join(" ");
      log.push(line);
      const key = Object.keys(codes).find((part) => line.includes(part));
      const code = key === undefined ? 0 : codes[key];
      if (line.includes("-m venv")) Deno.mkdirSync(command.at(-1) ?? "", { recursive: true });
      const next = Array.isArray(code) ? code.shift() : code;
      return Promise.resolve({ code: next ?? 0, output: "what it printed" });
    },
    install: canInstall
      ? (packages) => Promise.resolve(void log.push(`install ${packages.join(" ")}`))
      : undefined,
    tell: () => {},
  };
  return { steps, log };
}

/** Runs the body with a folder of its own and without TINYGRAFT_PYTHON. */
async function inCache(body: (cache: string) => Promise<void>) {
  const cache = await Deno.makeTempDir();
  const given = Deno.env.get("TINYGRAFT_PYTHON");
  Deno.env.delete("TINYGRAFT_PYTHON");
  try {
    await body(cache);
  } finally {
    if (given !== undefined) Deno.env.set("TINYGRAFT_PYTHON", given);
    await Deno.remove(cache, { recursive: true });
  }
}

/** Why there is no environment. */
async function reasonOf(steps: PythonSteps): Promise<string> {
  const made = await pythonEnvironment(steps);
  assert("reason" in made, "an environment was made");
  return made.reason;
}

Deno.test("pythonEnvironment() makes an environment once, named after its packages", () =>
  inCache(async (cache) => {
    const { steps, log } = machine(cache, {});
    const made = await pythonEnvironment(steps);
    assert("path" in made && /\/venv-[0-9a-f]{12}\/bin\/python$/.test(made.path));
    const count = log.length;
    assertEquals(await pythonEnvironment(steps), made);
    assertEquals(log.length, count); // nothing was run
    const other = await pythonEnvironment({ ...steps, requirements: "numpy==2\n" });
    assert("path" in other && other.path !== made.path);
  }));

Deno.test("pythonEnvironment() tries a failing download again and makes no half one count", () =>
  inCache(async (cache) => {
    const { steps, log } = machine(cache, { "pip install": [1, 1, 1, 1, 0] });
    const reason = await reasonOf(steps);
    assert(reason.endsWith("pip install failed 3 times:\nwhat it printed"), reason);
    assert("path" in await pythonEnvironment(steps)); // made anew: fails once, then works
    assertEquals(log.filter((line) => line.includes("-m venv --clear")).length, 2);
  }));

Deno.test("pythonEnvironment() says what is missing", () =>
  inCache(async (cache) => {
    const begin = "Cannot make a Python environment: python3 ";
    assertEquals(
      await reasonOf(machine(cache, { version_info: 127 }).steps),
      `${begin}is not there; install Python 3.11 or newer`,
    );
    assertEquals(
      await reasonOf(machine(cache, { version_info: 1 }).steps),
      `${begin}is too old; install Python 3.11 or newer`,
    );
    assertEquals(
      await reasonOf(machine(cache, { ensurepip: 1 }).steps),
      `${begin}lacks its venv module; on Debian and Ubuntu install python3-venv`,
    );
  }));

Deno.test("pythonEnvironment() installs the venv module where it can", () =>
  inCache(async (cache) => {
    const { steps, log } = machine(cache, { ensurepip: [1, 0] }, true);
    assert("path" in await pythonEnvironment(steps));
    assert(log.includes("install python3-venv"));
  }));

Deno.test("pythonEnvironment() takes the Python that the environment names", () =>
  inCache(async (cache) => {
    Deno.env.set("TINYGRAFT_PYTHON", "/some/python");
    const { steps, log } = machine(cache, {});
    const made = await pythonEnvironment(steps);
    Deno.env.delete("TINYGRAFT_PYTHON");
    assertEquals([made, log], [{ path: "/some/python" }, []]);
  }));
