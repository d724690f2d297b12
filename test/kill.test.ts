import { test } from "node:test";
import { runKillRig } from "./support/kill-rig/rig.ts";

test("everything acknowledged before a kill -9 exists after it, and nothing is half visible", async (t) => {
  await runKillRig(t, 10);
});
