/**
 * Makes sure that a WebGPU adapter is there, a software one if need be.
 *
 * @module
 */

import { runtimeFolderEnv } from "../cli/runtime_folder.ts";
import { aptInstall, canAptInstall } from "./apt.ts";
import { exists } from "./files.ts";
import { runProcess } from "./process.ts";

/** A WebGPU adapter, as a child process saw it. */
export interface FoundAdapter {
  /** Its name, for people. */
  readonly name: string;
  /** Whether the processor plays the GPU. */
  readonly software: boolean;
}

/** What the set-up came to: an adapter, or why there is none and what to do. */
export type WebgpuSetup = FoundAdapter | { readonly reason: string };

/** How the set-up touches the machine; replaced in tests. */
export interface SetupSteps {
  /** Asks for an adapter, with these variables added to the environment. */
  readonly probe: (env: Readonly<Record<string, string>>) => Promise<FoundAdapter | undefined>;
  /** Installs packages; undefined where that is not possible. */
  readonly install: ((packages: readonly string[]) => Promise<string | undefined>) | undefined;
  /** One line on what to install by hand. */
  readonly hint: string;
  /** Tells the user about slow work. */
  readonly tell: (line: string) => void;
}

const PACKAGES = ["mesa-vulkan-drivers", "libvulkan1"];
const PROBE = `
const adapter = await navigator.gpu?.requestAdapter();
if (adapter) {
  const { description, vendor, isFallbackAdapter } = adapter.info;
  console.log(JSON.stringify({ name: description || vendor, software: isFallbackAdapter }));
}
Deno.exit(0);`;

/**
 * Asks for an adapter in a process of its own: a driver that crashes takes nothing with it, and
 * one installed meanwhile is seen.
 *
 * @param env Variables added to the environment.
 * @returns The adapter, or `undefined` when there is none.
 */
export async function probeAdapter(
  env: Readonly<Record<string, string>> = {},
): Promise<FoundAdapter | undefined> {
  const command = [Deno.execPath(), "eval", "--no-config", "--no-lock", PROBE];
  const { output } = await runProcess(command, { env: { ...runtimeFolderEnv(), ...env } });
  const line = output.split("\n").find((line) => line.startsWith("{"));
  return line === undefined ? undefined : JSON.parse(line);
}

/**
 * Finds an adapter and, where there is none, installs the software Vulkan driver if that can be
 * done without questions.
 *
 * @param mayInstall False to look only.
 * @param steps How to touch the machine.
 * @returns The adapter, or one line on why there is none and what to install.
 */
export async function setUpWebgpu(
  mayInstall = true,
  steps: SetupSteps = realSteps(),
): Promise<WebgpuSetup> {
  const found = await steps.probe({});
  if (found && !found.software) return found;
  // A software adapter may be OpenGL's; with Vulkan's there is nothing to do.
  const vulkan = { DENO_WEBGPU_BACKEND: "vulkan" };
  if (found && await steps.probe(vulkan)) return found;
  const without = (why: string): WebgpuSetup => found ?? { reason: `No WebGPU adapter: ${why}` };
  const forced = ["DENO_WEBGPU_BACKEND", "VK_DRIVER_FILES", "VK_ICD_FILENAMES"]
    .filter((name) => Deno.env.has(name));
  if (forced.length > 0) {
    return without(`the environment sets ${forced.join(" and ")}, which leaves none; unset it`);
  }
  if (!mayInstall || !steps.install) return without(steps.hint);
  steps.tell(`Installing the software Vulkan driver (${PACKAGES.join(", ")})`);
  const failure = await steps.install(PACKAGES);
  if (failure !== undefined) {
    return without(`apt-get could not install ${PACKAGES.join(" ")}:\n${failure}`);
  }
  return await steps.probe({}) ??
    without(`${PACKAGES.join(" ")} are installed, yet find no device`);
}

function realSteps(): SetupSteps {
  return {
    probe: probeAdapter,
    install: canAptInstall() ? aptInstall : undefined,
    hint: installHint(
      Deno.build.os,
      exists("/etc/os-release") ? Deno.readTextFileSync("/etc/os-release") : "",
    ),
    tell: (line) => console.error(line),
  };
}

/**
 * Says what to install on a system.
 *
 * @param os Name of the operating system, as in `Deno.build.os`.
 * @param release Content of /etc/os-release, where there is one.
 * @returns The remedy, one line without its full stop.
 */
export function installHint(os: string, release: string): string {
  if (os === "darwin") return "macOS brings Metal; run on the machine itself, not in a container";
  if (os === "windows") return "install the graphics vendor's driver (Direct3D 12 or Vulkan)";
  const ids = /^ID(?:_LIKE)?=.*$/gm;
  const names = (release.match(ids) ?? []).join(" ");
  const known: [RegExp, string][] = [
    [/debian|ubuntu/, "sudo apt-get install mesa-vulkan-drivers libvulkan1"],
    [/fedora|rhel/, "sudo dnf install mesa-vulkan-drivers vulkan-loader"],
    [/arch/, "sudo pacman -S vulkan-swrast vulkan-icd-loader"],
    [/alpine/, "use a glibc system, Debian for one"],
    [/suse/, "sudo zypper install libvulkan_lvp libvulkan1"],
  ];
  const hint = known.find(([pattern]) => pattern.test(names))?.[1];
  return hint ?? "install a Vulkan driver; Mesa's lavapipe needs no GPU";
}

if (import.meta.main) {
  const setup = await setUpWebgpu();
  if ("reason" in setup) {
    console.error(setup.reason);
    Deno.exit(1);
  }
  console.log(`WebGPU adapter: ${setup.name}${setup.software ? " (software)" : ""}`);
}
