import { test } from "node:test";
import { assertSurvived, hostileWeek } from "../endurance/hostile-week/week.ts";

// A short week: npm run test:week is the long one.

test("the same commands end right though lines, services, disks and processes fail at random", async (t) => {
  const result = await hostileWeek({ seed: 1, sizeBytes: 32 * 1024 ** 2, hostileSeconds: 10 });
  t.diagnostic(JSON.stringify(result));
  assertSurvived(result);
});
