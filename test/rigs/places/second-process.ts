import type { Place } from "./places.ts";
import type { World } from "./world.ts";

/** Another server on the folder of one that runs, was stopped by a signal, or was killed. */
export const secondProcess: Place = {
  whyUnusable: async () => null,
  async trouble(world) {
    const first = await world.start();
    await world.createVault();
    const work = world.work(20);
    await refusesSecond(world, "next to another");
    world.caller.moveTo(first.url);
    await work;
    first.signal("SIGSTOP");
    await refusesSecond(world, "next to another that was stopped by a signal");
    first.signal("SIGCONT");
    world.caller.moveTo(first.url);
    await world.expectWork("after SIGCONT");
    await first.kill();
    await world.start();
    await world.expectWork("after the first was killed");
  },
};

async function refusesSecond(world: World, when: string): Promise<void> {
  const reason = await world.refuses(when);
  if (reason !== "" && !reason.includes("in use by another process")) {
    world.findings.push(`a server that has started ${when} says: ${reason}`);
  }
}
