import { assert, assertEquals, assertRejects } from "@std/assert";
import { InterruptedError, TinygraftError } from "../../lib/errors.ts";
import { TransientError } from "../../lib/remote/failures.ts";
import { Limiter, retry } from "../../lib/remote/retry.ts";

function failing(times: number, wait?: number) {
  let tries = 0;
  return () => {
    tries++;
    return tries <= times
      ? Promise.reject(new TransientError("Cannot", { code: "hub-unavailable" }, wait))
      : Promise.resolve(tries);
  };
}

function recorder() {
  const waits: number[] = [];
  const sleep = (milliseconds: number) => {
    waits.push(milliseconds);
    return Promise.resolve();
  };
  return { waits, sleep };
}

Deno.test("retry() tries six times, waiting 1 2 4 8 8 s and up to a quarter more", async () => {
  const { waits, sleep } = recorder();
  assertEquals(await retry(failing(5), { sleep }), 6);
  assertEquals(waits.length, 5);
  for (const [i, base] of [1000, 2000, 4000, 8000, 8000].entries()) {
    assert(waits[i]! >= base && waits[i]! <= 1.25 * base, `${waits}`);
  }
  await assertRejects(() => retry(failing(6), recorder()), TransientError);
});

Deno.test("retry() waits as long as the server asks, up to five minutes in all", async () => {
  const patient = recorder();
  assertEquals(await retry(failing(2, 100_000), patient), 3);
  assert(patient.waits.every((wait) => wait >= 100_000 && wait <= 125_000));
  const endless = recorder();
  await assertRejects(() => retry(failing(1, 301_000), endless), TransientError);
  assertEquals(endless.waits, []);
});

Deno.test("retry() does not repeat what will not pass", async () => {
  const { waits, sleep } = recorder();
  const fail = () => Promise.reject(new TinygraftError("Cannot", { code: "file-not-found" }));
  await assertRejects(() => retry(fail, { sleep }), TinygraftError);
  assertEquals(waits, []);
});

Deno.test("retry() stops waiting when the signal aborts", async () => {
  const controller = new AbortController();
  const waiting = retry(failing(9), { signal: controller.signal });
  const timer = setTimeout(() => controller.abort(), 5);
  await assertRejects(() => waiting, InterruptedError);
  clearTimeout(timer);
});

Deno.test("Limiter runs no more at once than it may, and all in the end", async () => {
  const limiter = new Limiter(2);
  let running = 0;
  let most = 0;
  const work = async (i: number) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    running--;
    if (i === 3) throw new TypeError("three");
    return i;
  };
  const done = await Promise.allSettled([0, 1, 2, 3, 4, 5].map((i) => limiter.run(() => work(i))));
  assertEquals(most, 2);
  assertEquals(done.map(({ status }) => status === "fulfilled"), [
    true,
    true,
    true,
    false,
    true,
    true,
  ]);
});
