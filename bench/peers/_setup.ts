// The peers' programs: a Python environment and a folder of Node's packages, made once in .cache/.

import { exists } from "../../tools/files.ts";
import { runProcess } from "../../tools/process.ts";
import { pythonEnvironment, realSteps } from "../../tools/python_env.ts";

const NODE_PACKAGES = [
  "@huggingface/transformers@4.3.1",
  "onnxruntime-node@1.30.0",
  "onnxruntime-web@1.30.0",
];

/**
 * Makes the Python environment of the tests, with ONNX beside it.
 *
 * @param requirements What the peers need beside `tools/requirements.txt`, in pip's format.
 * @returns The interpreter.
 */
export async function peersPython(requirements: string): Promise<string> {
  const python = await pythonEnvironment(realSteps(requirements));
  if ("path" in python) return python.path;
  throw new Error(python.reason);
}

/**
 * Installs the peers that Node runs, without their install scripts, and copies the scripts beside
 * them, where Node looks for packages.
 *
 * @param folder Where to put them.
 * @param scripts Folder of the `.mjs` scripts.
 */
export async function installNodePeers(folder: string, scripts: string): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  const marker = `${folder}/${NODE_PACKAGES.join("_").replaceAll(/[^\w.-]/g, "-")}`;
  if (!exists(marker)) {
    console.error("Installing the peers that Node runs (once; some 600 MB)");
    const npm = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"];
    const { code, output } = await runProcess([...npm, "--prefix", folder, ...NODE_PACKAGES]);
    if (code !== 0) throw new Error(`Cannot install the peers: ${output}`);
    await Deno.writeTextFile(marker, "");
  }
  for await (const { name } of Deno.readDir(scripts)) {
    if (name.endsWith(".mjs")) await Deno.copyFile(`${scripts}/${name}`, `${folder}/${name}`);
  }
}
