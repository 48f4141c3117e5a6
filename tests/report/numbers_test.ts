import { assertEquals } from "@std/assert";
import {
  count,
  counted,
  errorText,
  percent,
  points,
  pointsInterval,
  probability,
  signedPoints,
  significant,
  unit,
} from "../../lib/report/numbers.ts";

Deno.test("points() gives hundredths and no negative zero", () => {
  assertEquals([0.8578, 1, 0, -0.000001].map(points), ["85.78", "100.00", "0.00", "0.00"]);
  assertEquals([0.05, -0.05, 0, -1e-9].map(signedPoints), ["+5.00", "−5.00", "0.00", "0.00"]);
  assertEquals(pointsInterval([-0.01, 0.02]), "−1.00 to 2.00");
});

Deno.test("percent() does not round what is less than all to all", () => {
  assertEquals([0, 0.00434, 0.5, 0.0902, 0.99999, 1].map(percent), [
    "0 %",
    "0.43 %",
    "50.0 %",
    "9 %",
    "> 99.9 %",
    "100 %",
  ]);
});

Deno.test("probability() shows small values by their power of ten", () => {
  assertEquals([1, 0.0412, 0.00312, 1.24e-6].map(probability), [
    "1.00",
    "0.04",
    "0.0031",
    "1.2e-6",
  ]);
});

Deno.test("errorText() tells an error below a thousandth from none", () => {
  assertEquals([0, 0.98765, 0.001, 3.14e-8].map(errorText), ["0.000", "0.988", "0.001", "3.1e-8"]);
});

Deno.test("unit() and significant() write a true minus", () => {
  assertEquals([1, -0.126, -0.001].map(unit), ["1.00", "−0.13", "0.00"]);
  assertEquals([-0.6192, 12345, 0].map(significant), ["−0.619", "1.23e+4", "0.00"]);
});

Deno.test("counted() takes the singular for one", () => {
  assertEquals([counted(1, "row"), counted(1234, "row"), count(0)], ["1 row", "1,234 rows", "0"]);
});
