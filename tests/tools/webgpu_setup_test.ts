import { assert, assertEquals } from "@std/assert";
import { installHint, type SetupSteps, setUpWebgpu } from "../../tools/webgpu_setup.ts";

const LAVAPIPE = { name: "llvmpipe", software: true };
const HARDWARE = { name: "a card", software: false };

/** Steps over a pretended machine, and a log of what was done to it. */
function machine(state: { adapter?: typeof LAVAPIPE; vulkan?: boolean; root?: boolean }) {
  const log: string[] = [];
  let { adapter, vulkan = false } = state;
  const steps: SetupSteps = {
    probe: (env) => Promise.resolve(env["DENO_WEBGPU_BACKEND"] && !vulkan ? undefined : adapter),
    install: !state.root ? undefined : (packages) => {
      log.push(`install ${packages.join(" ")}`);
      [adapter, vulkan] = [LAVAPIPE, true];
      return Promise.resolve(undefined);
    },
    hint: "install a driver",
    tell: (line) => log.push(line),
  };
  return { steps, log };
}

/** Runs without the variables that force a backend, and puts them back. */
async function withoutForcing(body: () => Promise<void>) {
  const names = ["DENO_WEBGPU_BACKEND", "VK_DRIVER_FILES", "VK_ICD_FILENAMES"];
  const kept = names.map((name) => [name, Deno.env.get(name)] as const);
  for (const name of names) Deno.env.delete(name);
  try {
    await body();
  } finally {
    for (const [name, value] of kept) if (value !== undefined) Deno.env.set(name, value);
  }
}

Deno.test("setUpWebgpu() touches nothing when there is an adapter", () =>
  withoutForcing(async () => {
    for (const adapter of [HARDWARE, LAVAPIPE]) {
      const { steps, log } = machine({ adapter, vulkan: adapter.software, root: true });
      assertEquals(await setUpWebgpu(true, steps), adapter);
      assertEquals(log, []);
    }
  }));

Deno.test("setUpWebgpu() installs the software driver when there is no adapter", () =>
  withoutForcing(async () => {
    const { steps, log } = machine({ root: true });
    assertEquals(await setUpWebgpu(true, steps), LAVAPIPE);
    assertEquals(log.at(-1), "install mesa-vulkan-drivers libvulkan1");
  }));

Deno.test("setUpWebgpu() prefers Vulkan's software adapter to OpenGL's", () =>
  withoutForcing(async () => {
    const { steps, log } = machine({ adapter: LAVAPIPE, vulkan: false, root: true });
    assertEquals(await setUpWebgpu(true, steps), LAVAPIPE);
    assertEquals(log.length, 2);
    const other = machine({ adapter: LAVAPIPE, vulkan: false });
    assertEquals(await setUpWebgpu(true, other.steps), LAVAPIPE); // still better than none
  }));

Deno.test("setUpWebgpu() says what to install where it cannot or may not", () =>
  withoutForcing(async () => {
    const want = { reason: "No WebGPU adapter: install a driver" };
    assertEquals(await setUpWebgpu(true, machine({}).steps), want);
    const asked = machine({ root: true });
    assertEquals(await setUpWebgpu(false, asked.steps), want);
    assertEquals(asked.log, []);
  }));

Deno.test("setUpWebgpu() leaves a machine alone whose environment hides the drivers", () =>
  withoutForcing(async () => {
    Deno.env.set("VK_DRIVER_FILES", "none");
    const { steps, log } = machine({ root: true });
    const setup = await setUpWebgpu(true, steps);
    Deno.env.delete("VK_DRIVER_FILES");
    assert("reason" in setup && setup.reason.includes("sets VK_DRIVER_FILES, which"));
    assertEquals(log, []);
  }));

Deno.test("setUpWebgpu() passes on what apt-get printed when it failed", () =>
  withoutForcing(async () => {
    const { steps } = machine({ root: true });
    const failing = { ...steps, install: () => Promise.resolve("E: no network") };
    const setup = await setUpWebgpu(true, failing);
    assert("reason" in setup && setup.reason.endsWith("libvulkan1:\nE: no network"));
  }));

Deno.test("installHint() knows the common systems", () => {
  assert(installHint("linux", 'NAME="x"\nID=ubuntu\nID_LIKE=debian\n').includes("apt-get"));
  assert(installHint("linux", "ID=fedora\n").includes("dnf"));
  assert(installHint("linux", "ID=manjaro\nID_LIKE=arch\n").includes("pacman"));
  assert(installHint("linux", "").includes("Vulkan"));
  assert(installHint("darwin", "").includes("Metal"));
  assert(installHint("windows", "").includes("Direct3D"));
});
