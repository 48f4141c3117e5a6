import { assertEquals, assertRejects } from "@std/assert";
import { TinygraftError } from "../../lib/errors.ts";
import { TimedBody } from "../../lib/remote/body.ts";

function bodyOf(...pieces: string[]): TimedBody {
  const stream = ReadableStream.from(pieces).pipeThrough(new TextEncoderStream());
  return new TimedBody(new Response(stream), { path: "x.json", timeout: 1000 });
}

Deno.test("TimedBody reads a body whole, up to its limit", async () => {
  const bytes = await bodyOf("abc", "de").all(5);
  assertEquals(new TextDecoder().decode(bytes), "abcde");
});

Deno.test("TimedBody stops at the first byte beyond the limit, however many would follow", async () => {
  let sent = 0;
  const endless = async function* () {
    for (;; sent += 1000) yield await Promise.resolve("x".repeat(1000));
  };
  const stream = ReadableStream.from(endless()).pipeThrough(new TextEncoderStream());
  const body = new TimedBody(new Response(stream), { path: "x.json", timeout: 1000 });
  const error = await assertRejects(() => body.all(10_000), TinygraftError);
  assertEquals([error.code, error.path, sent < 20_000], ["unexpected-answer", "x.json", true]);
});
