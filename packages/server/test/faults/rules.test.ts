import assert from "node:assert/strict";
import { test } from "node:test";
import type { AccountId } from "@moraine/protocol";
import { FaultError, faultModes } from "../../src/domain/faults/fault.ts";
import { formatFault, parseFault } from "../../src/domain/faults/fault-text.ts";
import { type FaultLog, FaultRegistry } from "../../src/faults/fault-registry.ts";

const quiet: FaultLog = { put: () => undefined, removed: () => undefined, fired: () => undefined };
const accountId = "012345678901" as AccountId;

test("a rule is read as it is written, and written as it is read", () => {
  for (const text of [
    ...Object.keys(faultModes).filter((mode) => !["reset", "slow-body", "delay"].includes(mode)),
    "throttle:operation=GetJobOutput,rate=0.25,count=3",
    "unavailable:accountId=012345678901",
    "reset:bytes=0",
    "reset:operation=GetJobOutput,bytes=65536",
    "slow-body:bytesPerSecond=100",
    "delay:operation=ListVaults,milliseconds=86400000",
  ]) {
    assert.equal(formatFault(parseFault(text)), text);
  }
  assert.equal(formatFault(parseFault("reset")), "reset:bytes=0");
  assert.equal(formatFault(parseFault("delay")), "delay:milliseconds=1000");
  assert.equal(formatFault(parseFault("slow-body:rate=.5")), "slow-body:rate=0.5,bytesPerSecond=1024");
});

test("a rule that is not understood, or could never act, is refused with its reason", () => {
  for (const [text, reason] of [
    ["", /no fault mode/],
    ["Throttle", /no fault mode Throttle: they are throttle, unavailable/],
    ["toString", /no fault mode/],
    ["throttle:", /Not understood in throttle:: \. There are operation, accountId, rate/],
    ["throttle:rate", /Not understood/],
    ["throttle:rate=0.5=1", /Not understood/],
    ["throttle:rate=0.5,rate=1", /once each/],
    ["throttle:mode=reset", /Not understood/],
    ["throttle:rate=0", /rate is above 0 and up to 1: 0/],
    ["throttle:rate=2", /rate is above 0/],
    ["throttle:rate=-1", /Not a number in throttle:rate=-1: -1/],
    ["throttle:rate=0x1", /Not a number/],
    ["throttle:rate=", /Not a number/],
    ["throttle:count=0", /count is a whole number from 1 on: 0/],
    ["throttle:count=1.5", /count is a whole number/],
    ["throttle:operation=DeleteEverything", /no operation DeleteEverything/],
    ["throttle:operation=toString", /no operation toString/],
    ["expired-job:operation=ListJobs", /expired-job acts on DescribeJob, GetJobOutput, not on ListJobs/],
    ["throttle:accountId=12345", /12 digits: 12345/],
    ["throttle:bytes=1", /Only the fault reset has bytes/],
    ["reset:bytesPerSecond=1", /Only the fault slow-body has bytesPerSecond/],
    ["throttle:milliseconds=1", /Only the fault delay has milliseconds/],
    ["delay:milliseconds=0", /milliseconds is a whole number from 1 on: 0/],
    ["delay:milliseconds=86400001", /milliseconds is at most 86400000: 86400001/],
    ["request-timeout:operation=ListVaults", /request-timeout acts on UploadArchive, UploadMultipartPart, not on/],
    ["slow-body:bytesPerSecond=0", /whole number from 1 on/],
  ] as const) {
    assert.throws(
      () => parseFault(text),
      (error) => error instanceof FaultError && reason.test(error.message),
      text,
    );
  }
});

/** The effect of the first rule on each of a hundred responses. */
function firings(seed: number, ...texts: string[]): string {
  const book = new FaultRegistry(seed, quiet);
  for (const text of texts) {
    book.put(parseFault(text));
  }
  return Array.from({ length: 100 }, () => {
    const chances = book.contextsFor("ListVaults", accountId).map(({ fires }) => fires());
    return chances[0] ? "x" : ".";
  }).join("");
}

test("the same seed repeats what a rule did, and another seed does not", () => {
  const first = firings(7, "throttle:rate=0.5");
  assert.equal(firings(7, "throttle:rate=0.5"), first);
  assert.notEqual(firings(8, "throttle:rate=0.5"), first);
  assert.match(first, /^(?=.*x.*x)(?=.*\..*\.)/);
});

test("one rule more does not change what another does, and no two do the same", () => {
  const first = firings(7, "throttle:rate=0.5");
  assert.equal(firings(7, "throttle:rate=0.5", "unavailable:rate=0.5"), first);
  assert.notEqual(firings(7, "unavailable:rate=0.0000000001", "throttle:rate=0.5"), first);
});

test("a rate is the share of the responses, whatever the seed", () => {
  for (const rate of [0.05, 0.3, 0.9]) {
    let fired = 0;
    for (let seed = 0; seed < 200; seed += 1) {
      fired += firings(seed, `throttle:rate=${rate}`).replaceAll(".", "").length;
    }
    assert.ok(Math.abs(fired / 20_000 - rate) < 0.02, `${fired} of 20,000 at ${rate}`);
  }
});
