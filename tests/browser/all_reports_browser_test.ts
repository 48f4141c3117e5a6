import { assert, assertEquals } from "@std/assert";
import { assertAccessible, browserTest, evaluate, unfold, withPage } from "./_browser.ts";
import { allReports } from "./_reports.ts";

const REPORTS = await allReports();
const PHONE = { width: 360, height: 740 };

/** Colours of the page's paper and ink, each as red, green and blue. */
const COLOURS = `["backgroundColor", "color"].map((name) =>
  getComputedStyle(document.body)[name].match(/\\d+/g).map(Number))`;

for (const [name, markup] of REPORTS) {
  browserTest(`the ${name} report can be read by everyone, light and dark`, async (browser) => {
    await withPage(browser, markup, { colorScheme: "light" }, async ({ page }) => {
      await unfold(page);
      await assertAccessible(page);
      const [paper, ink] = await evaluate<number[][]>(page, COLOURS);
      await page.emulateMedia({ colorScheme: "dark" });
      await assertAccessible(page, ["wcag2aa"]);
      const [darkPaper, darkInk] = await evaluate<number[][]>(page, COLOURS);
      assert(paper!.every((part) => part > 230) && ink!.every((part) => part < 60));
      assert(darkPaper!.every((part) => part < 60) && darkInk!.every((part) => part > 200));
    });
  });

  browserTest(`the ${name} report fits a phone, folded and unfolded`, async (browser) => {
    await withPage(browser, markup, { viewport: PHONE, hasTouch: true }, async ({ page }) => {
      const width = () => evaluate<number>(page, "document.documentElement.scrollWidth");
      assertEquals(await width(), PHONE.width);
      await unfold(page);
      assertEquals(await width(), PHONE.width);
      await assertAccessible(page, ["wcag22aa"]);
    });
  });

  browserTest(
    `the ${name} report names every drawing, with its numbers beside`,
    async (browser) => {
      await withPage(browser, markup, {}, async ({ page }) => {
        await unfold(page);
        const drawings = await page.locator("svg:not([aria-hidden])").count();
        assertEquals(await page.getByRole("img", { name: /\S/ }).count(), drawings);
        const figures = await page.locator("figure").count();
        const counted = await page.locator("figure", { has: page.getByRole("table") }).count();
        const besideTable = await page.locator(".figures > figure + .scroll table").count();
        assert(counted + besideTable >= figures, `${counted} of ${figures}`);
        assertEquals(await page.getByRole("banner").count(), 1);
        assertEquals(await page.getByRole("main").count(), 1);
        const parts = await page.getByRole("region").count();
        assertEquals(await page.getByRole("navigation").getByRole("link").count(), parts);
      });
    },
  );

  browserTest(`the ${name} report is whole without scripts`, async (browser) => {
    await withPage(browser, markup, { javaScriptEnabled: false }, async ({ page }) => {
      assert(await page.getByRole("heading", { level: 1 }).isVisible());
      assert(await page.locator(".verdict").isVisible());
      for (const drawing of await page.locator("svg").all()) assert(await drawing.isVisible());
      assertEquals(await page.getByRole("search").count(), 0, "a search that cannot work");
      const first = page.locator("details").first();
      await first.locator("summary").click();
      assert(await first.getByRole("table").first().isVisible(), "the numbers unfold");
    });
  });
}

browserTest("reports move only for readers who do not mind", async (browser) => {
  const [, markup] = REPORTS[0]!;
  await withPage(browser, markup, {}, async ({ page }) => {
    const behaviour = () =>
      evaluate<string>(page, "getComputedStyle(document.documentElement).scrollBehavior");
    await page.emulateMedia({ reducedMotion: "reduce" });
    assertEquals(await behaviour(), "auto");
    await page.emulateMedia({ reducedMotion: "no-preference" });
    assertEquals(await behaviour(), "smooth");
    const moving = "document.getAnimations().length";
    assertEquals(await evaluate(page, moving), 0);
  });
});

browserTest("reports print without what paper cannot do", async (browser) => {
  const [, markup] = REPORTS[0]!;
  await withPage(browser, markup, {}, async ({ page }) => {
    await page.emulateMedia({ media: "print" });
    assertEquals(await page.getByRole("navigation").count(), 0);
    assertEquals(await page.getByRole("search").count(), 0);
    const cut = await evaluate(
      page,
      "[...document.querySelectorAll('.scroll')].filter((one) => one.scrollHeight > one.clientHeight + 1).length",
    );
    assertEquals(cut, 0);
    assert((await page.pdf()).length > 10_000);
  });
});
