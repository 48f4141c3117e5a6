import { assertEquals } from "@std/assert";
import { hubConnection, hubEnvironment } from "../../lib/hub/environment.ts";

function connection(env: Record<string, string>, files: Record<string, string> = {}) {
  return hubConnection((name) => env[name] || undefined, (path) => files[path]);
}

Deno.test("hubConnection() has the defaults of the Hugging Face tools", () => {
  assertEquals(connection({}), {
    endpoint: "https://huggingface.co",
    token: undefined,
    offline: false,
    xet: true,
    headerTimeout: 10_000,
    idleTimeout: 10_000,
  });
});

Deno.test("hubConnection() takes the token from HF_TOKEN, then its old name, then the file", () => {
  const files = { "/h/token": " hf_file\n", "/t": "hf_path" };
  const env = { HF_HOME: "/h" };
  assertEquals(connection(env).token, undefined);
  assertEquals(connection(env, files).token, "hf_file");
  assertEquals(connection({ ...env, HF_TOKEN_PATH: "/t" }, files).token, "hf_path");
  assertEquals(connection({ ...env, HF_TOKEN: " \n" }, files).token, "hf_file");
  assertEquals(connection({ ...env, HUGGING_FACE_HUB_TOKEN: "hf_old" }, files).token, "hf_old");
  const both = { ...env, HF_TOKEN: " hf_new\n", HUGGING_FACE_HUB_TOKEN: "hf_old" };
  assertEquals(connection(both, files).token, "hf_new");
});

Deno.test("hubConnection() reads switch, endpoint and time limits", () => {
  const offline = (env: Record<string, string>) => connection(env).offline;
  for (const value of ["1", "ON", "yes", "True"]) {
    assertEquals(offline({ HF_HUB_OFFLINE: value }), true);
    assertEquals(offline({ TRANSFORMERS_OFFLINE: value }), true);
  }
  assertEquals(offline({ HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "1" }), false);
  assertEquals(connection({ HF_ENDPOINT: "http://localhost:8//" }).endpoint, "http://localhost:8");
  const times = connection({ HF_HUB_ETAG_TIMEOUT: "2.5", HF_HUB_DOWNLOAD_TIMEOUT: "x" });
  assertEquals([times.headerTimeout, times.idleTimeout], [2500, 10_000]);
});

Deno.test("hubEnvironment() tells where a token is, never the token", () => {
  const environment = (env: Record<string, string>) =>
    hubEnvironment((name) => env[name], (path) => path === "/h/token" ? "hf_x" : undefined);
  const found = environment({ HF_HOME: "/h" });
  assertEquals(found.tokenSource, "/h/token");
  assertEquals(found.cache, "/h/hub");
  assertEquals(environment({ HF_HOME: "/h", HF_TOKEN: "hf_y" }).tokenSource, "HF_TOKEN");
  assertEquals(JSON.stringify(environment({ HF_TOKEN: "hf_y" })).includes("hf_y"), false);
  assertEquals(environment({ X: "/y", HF_HUB_CACHE: "$X/c" }).cache, "/y/c");
});
