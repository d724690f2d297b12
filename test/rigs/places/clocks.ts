import { globSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { millisecondsPer } from "@moraine/protocol";
import type { ServerProcess } from "../../support/server-process.ts";
import type { Place } from "./places.ts";

const { minute, hour, day } = millisecondsPer;
/** A signature is accepted when the clocks differ by no more than five minutes. */
const small = [-4 * minute, -90_000, -1000, 1000, 90_000, 4 * minute];
const forward = [26 * hour, 8 * day, 400 * day, 3650 * day];
const large = [-3650 * day, -400 * day, -25 * hour, ...forward];
const steps = 4;

/** The machine's clock is set forward and back, during calls and between them. Nothing that is kept may be taken for expired. */
export const movedClocks: Place = {
  whyUnusable: async () => (libraries().length === 0 ? "libfaketime is missing" : null),
  async trouble(world) {
    const offsetFile = join(world.folder, "offset");
    const setClock = async (milliseconds: number) => {
      const seconds = Math.round(milliseconds / 1000);
      // The server reads it at each look at its clock, and never half of it.
      await writeFile(`${offsetFile}.next`, `${seconds < 0 ? "" : "+"}${seconds}`);
      await rename(`${offsetFile}.next`, offsetFile);
    };
    const [library = ""] = libraries();
    const environment = {
      ...{ LD_PRELOAD: library, FAKETIME_TIMESTAMP_FILE: offsetFile },
      ...{ FAKETIME_NO_CACHE: "1", FAKETIME_DONT_FAKE_MONOTONIC: "1" },
    };
    await setClock(0);
    let server: ServerProcess = await world.start({ environment });
    await world.createVault();
    await world.openUpload();
    for (let step = 0; step < steps; step += 1) {
      const restarts = step % 2 === 1;
      const ahead = world.random.oneOf(restarts ? forward : large) ?? 0;
      await setClock(ahead);
      world.caller.clockAheadMilliseconds = ahead;
      if (restarts) {
        await server.stop();
        server = await world.start({ environment });
      }
      const work = world.work(6);
      await setClock(ahead + (world.random.oneOf(small) ?? 0));
      await work;
      await setClock(ahead);
      await world.expectWork(`with a clock ${ahead / hour} h ahead`);
    }
    world.caller.clockAheadMilliseconds = 0;
    await setClock(0);
    // A killed process leaves the shared memory of its clock.
    await server.stop();
  },
};

const libraries = (): string[] => globSync("/usr/lib/*/faketime/libfaketime.so.1");
