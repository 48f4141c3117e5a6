import { assertEquals, assertMatch } from "@std/assert";
import { ROOT } from "../../tools/files.ts";

Deno.test("deno task fake-hub prints its address and takes the token hf_test", async () => {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${ROOT}/tools/fake_hub.ts`],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const { value = "" } = await reader.read();
  const url = value.trim();
  assertMatch(url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const headers = { authorization: "Bearer hf_test" };
  const user = await (await fetch(`${url}/api/whoami-v2`, { headers })).json();
  assertEquals(user.name, "tester");
  const model = await (await fetch(`${url}/api/models/org/mini`)).json();
  assertEquals(model.id, "org/mini");
  child.kill("SIGINT");
  await reader.cancel();
  assertEquals((await child.status).success, true);
});
