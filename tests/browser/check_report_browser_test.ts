import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { Page } from "playwright-core";
import { renderCheckReport } from "../../lib/report/check_report.ts";
import { checkOf } from "../report/_check.ts";
import { browserTest, evaluate, withPage } from "./_browser.ts";
import { classCheck, largeCheck } from "./_reports.ts";

const MARKUP = await classCheck();

const rowsOf = (page: Page) => page.locator("section:has(#find) tbody tr:visible");

browserTest(
  "the search shows the rows that hold every word, whatever case or accent",
  async (browser) => {
    await withPage(browser, MARKUP, {}, async ({ page }) => {
      const all = await rowsOf(page).count();
      const words = page.getByLabel("Words to find");
      const status = page.getByRole("status");
      assertEquals(await status.textContent(), `${all} of ${all} rows shown`);

      await words.fill("zurich QUESTION");
      const shown = await rowsOf(page).allTextContents();
      assert(shown.length > 0 && shown.length < all);
      assert(shown.every((text) => text.includes("Zürich")));
      assertEquals(await status.textContent(), `${shown.length} of ${all} rows shown`);

      await words.fill("zurich refund");
      assertEquals(await status.textContent(), `0 of ${all} rows shown`);
      await words.fill("<script> \\d .*");
      assertEquals(await rowsOf(page).count(), 0);
      await words.fill("");
      assertEquals(await rowsOf(page).count(), all);
    });
  },
);

browserTest("the search shows the rows of one outcome", async (browser) => {
  await withPage(browser, MARKUP, {}, async ({ page }) => {
    const all = await rowsOf(page).count();
    const outcome = page.getByLabel("Outcome");
    const kinds = await evaluate<string[]>(
      page,
      "[...document.querySelectorAll('#find option')].map(({ value }) => value)",
    );
    assertEquals(kinds, ["", "lost", "won", "otherWrong"]);
    let sum = 0;
    for (const kind of kinds.slice(1)) {
      await outcome.selectOption(kind);
      sum += await rowsOf(page).count();
    }
    assertEquals(sum, all);
    await outcome.selectOption("won");
    for (const text of await rowsOf(page).allTextContents()) assert(/✗[^]*✓/.test(text), text);
  });
});

browserTest("a report without flipped examples needs no search", async (browser) => {
  const [logits, targets] = [new Float32Array(6), Uint32Array.of(0, 1, 0)];
  const markup = await renderCheckReport(checkOf(logits, logits, targets));
  await withPage(browser, markup, {}, async ({ page }) => {
    assertEquals(await page.getByRole("search").count(), 0);
    assertEquals(await page.getByText("No rows get another class").count(), 1);
  });
});

browserTest("a report is read by keyboard alone", async (browser) => {
  await withPage(browser, MARKUP, { reducedMotion: "reduce" }, async ({ page }) => {
    const focused = () =>
      evaluate<string>(
        page,
        `(({ tagName, textContent, id, ariaLabel }) =>
          [tagName, id || ariaLabel || textContent.trim()].join(" "))(document.activeElement)`,
      );
    await page.keyboard.press("Tab");
    assertEquals(await focused(), "A Skip to the content");
    const skip = page.getByText("Skip to the content");
    assert((await skip.boundingBox())!.x >= 0, "the link shows itself when it has the focus");
    const outline = "getComputedStyle(document.activeElement).outlineStyle";
    assertEquals(await evaluate(page, outline), "solid");
    await page.keyboard.press("Tab");
    assertEquals(await focused(), "A The metric");
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    assertEquals(await focused(), "DIV What was compared");

    const seen: string[] = [];
    for (let i = 0; i < 60 && !seen.at(-1)?.includes("Environment"); i++) {
      await page.keyboard.press("Tab");
      seen.push(await focused());
    }
    const order = ["SUMMARY", "DIV What became of the rows", "INPUT", "SELECT", "DIV Predictions"]
      .map((start) => seen.findIndex((one) => one.startsWith(start)));
    assertEquals(order, [...order].sort((a, b) => a - b), seen.join("\n"));
    assert(!order.includes(-1) && seen.at(-1)!.includes("Environment"), seen.join("\n"));
  });
});

browserTest("tables scroll and numbers unfold by keyboard", async (browser) => {
  await withPage(browser, MARKUP, { viewport: { width: 360, height: 500 } }, async ({ page }) => {
    const examples = page.locator("section:has(#find) .scroll");
    await examples.focus();
    await page.keyboard.press("End");
    // The page's policy forbids what waitForFunction would evaluate in it.
    const scrolled = () => evaluate<number>(page, "document.activeElement.scrollTop");
    for (let tries = 0; await scrolled() <= 100 && tries < 100; tries++) {
      await page.waitForTimeout(50);
    }
    assert(await scrolled() > 100);
    await page.locator("summary").first().focus();
    await page.keyboard.press("Enter");
    assert(await page.locator("details table").first().isVisible());
  });
});

browserTest("a report of 10,000 rows opens and searches without delay", async (browser) => {
  const markup = await largeCheck(10_000);
  assert(new TextEncoder().encode(markup).length < 1_000_000, `${markup.length}`);
  await withPage(browser, markup, {}, async ({ page }) => {
    assertEquals(await rowsOf(page).count(), 500);
    const milliseconds = await evaluate<number>(
      page,
      `(() => {
        const words = document.querySelector("#find input");
        const started = performance.now();
        words.value = "refund";
        words.dispatchEvent(new Event("input"));
        document.body.offsetHeight;
        return performance.now() - started;
      })()`,
    );
    assert(milliseconds < 1000, `${milliseconds} ms`);
    assert(await rowsOf(page).count() < 500);
  });
});

const HOSTILE = [
  "<script>globalThis.harmed = 1</script>",
  "<img src=x onerror='globalThis.harmed = 1'>",
  "</script><script>globalThis.harmed = 1</script>",
  "</style><style>body { display: none }</style>",
  "</td></tr></table></main><h1>Passed</h1>",
  "\u202egnirts desrever\u202c \u2066isolate",
  `"'\`&amp;&#60;b&#62; --> ]]> \${1} {{1}}`,
  "nul\0 bell\x07 half\ud800 escape\x1b[31m",
  "<a href='javascript:globalThis.harmed = 1'>link</a>",
  "A".repeat(100_000),
  "لا شيء 文字 \u0301\u0301\u0301 👩‍👩‍👧",
];

browserTest("hostile texts stay text", async (browser) => {
  const rows = Array.from({ length: 200 }, (_, i) => ({
    text: HOSTILE[i % HOSTILE.length]!,
    pair: HOSTILE[(i + 1) % HOSTILE.length]!,
    line: i + 1,
  }));
  const everything = HOSTILE.join(" ");
  const markup = await classCheck({
    rows,
    task: { type: "classification", labels: [HOSTILE[0]!, HOSTILE[3]!, HOSTILE[9]!] },
    ...{ before: everything, after: HOSTILE[1]!, data: HOSTILE[2]!, command: everything },
    environment: HOSTILE.map((text) => [text, text]),
  });
  await withPage(browser, markup, { viewport: { width: 360, height: 740 } }, async ({ page }) => {
    await page.getByLabel("Words to find").fill("globalThis.harmed");
    assert(await rowsOf(page).count() > 0);
    assertEquals(await evaluate(page, "globalThis.harmed"), undefined);
    const counts = await evaluate<Record<string, number>>(
      page,
      `Object.fromEntries(["script", "style", "h1", "img", "main"].map((name) =>
        [name, document.querySelectorAll(name).length]))`,
    );
    assertEquals(counts, { script: 1, style: 1, h1: 1, img: 0, main: 1 });
    assert(await page.getByRole("heading", { level: 1 }).isVisible());
    const text = await evaluate<string>(page, "document.querySelector('main').textContent");
    for (const hostile of HOSTILE.slice(0, 5)) assertStringIncludes(text, hostile);
    const turning = ["\u202e", "\u2066", "\0", "\x07", "\x1b"];
    assert(!turning.some((mark) => text.includes(mark)), "a text turns the text around it");
    assertEquals(await evaluate(page, "document.documentElement.scrollWidth"), 360);
  });
});
