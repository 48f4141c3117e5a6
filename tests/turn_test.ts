import { assertEquals } from "@std/assert";
import { nextTurn } from "../lib/turn.ts";

Deno.test("nextTurn() lets timers run that are due", async () => {
  const served: string[] = [];
  const timer = setTimeout(() => served.push("timer"), 0);
  const until = performance.now() + 5000;
  while (served.length === 0 && performance.now() < until) await nextTurn();
  clearTimeout(timer);
  assertEquals(served, ["timer"]);
});

Deno.test("nextTurn() comes after what was already waiting", async () => {
  const order: string[] = [];
  const turn = nextTurn().then(() => order.push("turn"));
  await Promise.resolve().then(() => order.push("microtask"));
  await turn;
  assertEquals(order, ["microtask", "turn"]);
});
