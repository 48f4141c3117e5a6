// Python programs beside the tests: a job goes in as JSON, an answer comes back.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

/** The environment's Python, which `deno task test:real` sets up. */
export function pythonPath(): string {
  const python = Deno.env.get("TINYGRAFT_PYTHON");
  assert(python, "no Python environment: run these tests with deno task test:real");
  return python;
}

/**
 * Runs a program of this folder on a job, off line.
 *
 * @param peer Its file name.
 * @param job What it reads from stdin; typed arrays become lists.
 * @returns What it prints.
 */
export async function askPython(peer: string, job: unknown): Promise<unknown> {
  const child = new Deno.Command(pythonPath(), {
    args: [fromFileUrl(new URL(peer, import.meta.url))],
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
    env: { HF_HUB_OFFLINE: "1" },
  }).spawn();
  const writer = child.stdin.getWriter();
  const numbers = (_: string, value: unknown) =>
    ArrayBuffer.isView(value) ? [...value as never] : value;
  await writer.write(new TextEncoder().encode(JSON.stringify(job, numbers)));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  assertEquals(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
