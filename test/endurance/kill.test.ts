import { test } from "node:test";
import { runKillRig } from "../support/kill-rig/rig.ts";

test("200 kills -9 at random moments lose nothing that was acknowledged, and show nothing half", async (t) => {
  await runKillRig(t, 200);
});
