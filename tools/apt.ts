/**
 * Installs system packages where that needs no questions: on Debian and Ubuntu, as root.
 *
 * @module
 */

import { exists } from "./files.ts";
import { runProcess } from "./process.ts";

/** Whether {@linkcode aptInstall} can work here. */
export function canAptInstall(): boolean {
  return Deno.build.os === "linux" && Deno.uid() === 0 && exists("/usr/bin/apt-get");
}

/**
 * Installs packages quietly, fetching the package lists first when they are missing or stale.
 *
 * @param packages Names of packages.
 * @returns Nothing on success, else what apt-get printed.
 */
export async function aptInstall(packages: readonly string[]): Promise<string | undefined> {
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  const apt = ["apt-get", "-y", "-q", "-o", "DPkg::Lock::Timeout=120"];
  const install = [...apt, "install", "--no-install-recommends", ...packages];
  if ((await runProcess(install, { cwd: "/", env })).code === 0) return undefined;
  const update = await runProcess([...apt, "update"], { cwd: "/", env });
  const again = await runProcess(install, { cwd: "/", env });
  return again.code === 0 ? undefined : `${update.output}${again.output}`.trim();
}
