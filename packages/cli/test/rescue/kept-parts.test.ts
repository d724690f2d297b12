import assert from "node:assert/strict";
import { test } from "node:test";
import { TargetUnavailableError } from "../../src/targets/target.ts";
import { idOfNumber } from "../support/catalogs.ts";
import { lostResponse, RescueWorld } from "../support/rescue-world.ts";

// Archives that several runs give up, for one reason or another: their received bytes are paid for, and removed only if they may be the reason.

const troubled = idOfNumber(1);

/** An archive that is in trouble in each run, and ten more in each that are not. */
class TroubledWorld extends RescueWorld {
  #last = 0;

  /** Runs until the archive is given up, and returns how often its parts have been removed in all runs. */
  async giveUp(trouble: "outage" | "file" | "wrong bytes"): Promise<number> {
    this.add(this.#last + 1, this.#last + 10);
    this.#last += 10;
    this.onOutput = (archiveId) => {
      if (archiveId === troubled && trouble === "outage") {
        throw lostResponse();
      }
    };
    this.onStore = ({ archiveId }) => {
      if (archiveId === troubled && trouble === "file") {
        throw new TargetUnavailableError("Cannot use file 1.txt: EIO", { mayBeOfOne: true });
      }
      if (archiveId === troubled && trouble === "wrong bytes") {
        throw new Error("its tree hash is wrong");
      }
    };
    const failures = this.events.length;
    assert.equal(await this.run(24 * 14), "done");
    const failed = this.events.slice(failures).filter((event) => event.kind === "archive-failed" && event.final);
    assert.equal(failed.length, 1, trouble);
    return this.abandoned.length;
  }
}

const worldOfNone = () => new TroubledWorld(0);

test("an archive whose file cannot be used keeps its parts in the first run, and not in the second", async () => {
  using world = worldOfNone();
  assert.equal(await world.giveUp("file"), 0);
  assert.equal(await world.giveUp("file"), 1);
});

test("an archive that an earlier run gave up for outages keeps its parts when its file cannot be used", async () => {
  using world = worldOfNone();
  assert.equal(await world.giveUp("outage"), 0);
  assert.equal(await world.giveUp("file"), 0);
  assert.equal(await world.giveUp("outage"), 0);
  assert.equal(await world.giveUp("file"), 0);
  assert.equal(await world.giveUp("file"), 1);
});

test("an archive whose bytes are wrong loses its parts, also after outages", async () => {
  using world = worldOfNone();
  assert.equal(await world.giveUp("outage"), 0);
  assert.equal(await world.giveUp("wrong bytes"), 1);
});
