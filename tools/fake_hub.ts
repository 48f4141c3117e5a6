/**
 * `deno task fake-hub [--port N]`: a Hugging Face Hub on this machine, to try `pull` and `push` on.
 *
 * It prints its address and the variables to set, and serves until Ctrl-C. It begins with one
 * repository, `org/mini`: the model that this repository ships. What it holds is gone at its end.
 *
 * @module
 */

import { parseArgs } from "@std/cli/parse-args";
import { READ_TOKEN, WRITE_TOKEN } from "../tests/_fake_hub/accounts.ts";
import { FakeHub } from "../tests/_fake_hub/hub.ts";
import { listFiles, ROOT } from "./files.ts";

const ENCODER = "fixtures/mini/encoder";

if (import.meta.main) {
  const { port } = parseArgs(Deno.args, { string: ["port"] });
  await using hub = await FakeHub.start(port === undefined ? {} : { port: Number(port) });
  const files: Record<string, Uint8Array> = {};
  for (const path of listFiles(ENCODER, "")) {
    files[path.slice(ENCODER.length + 1)] = await Deno.readFile(`${ROOT}/${path}`);
  }
  await hub.commit("org/mini", files);
  console.log(hub.url);
  console.error(
    `export HF_ENDPOINT=${hub.url} HF_TOKEN=${WRITE_TOKEN}\n` +
      `The token's user is in the organisation "org"; ${READ_TOKEN} may only read.\n` +
      "Try: tinygraft inspect hf://org/mini",
  );
  await new Promise((resolve) => Deno.addSignalListener("SIGINT", () => resolve(undefined)));
}
