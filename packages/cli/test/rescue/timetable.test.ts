import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSize } from "@moraine/protocol";
import { Timetable } from "../../src/rescue/schedule/timetable.ts";

const parse = (text: string) => Timetable.parse(text, (rate) => parseSize(rate) || null);
/** Sunday, 4 January 2026, by local time. */
const at = (day: number, hour: number, minute = 0) => new Date(2026, 0, 4 + day, hour, minute);

test("a single rate holds all week", () => {
  const timetable = parse("10MiB");
  assert.equal(timetable?.at(at(3, 12)), 10 * 1024 ** 2);
  assert.equal(timetable?.average(at(3, 12), 3600), 10 * 1024 ** 2);
});

test("a limit holds until the next one, over midnight and over the end of the week", () => {
  const timetable = parse("08:00,512KiB 23:00,off");
  assert.equal(timetable?.at(at(1, 7, 59)), null);
  assert.equal(timetable?.at(at(1, 8)), 512 * 1024);
  assert.equal(timetable?.at(at(6, 22, 59)), 512 * 1024);
  assert.equal(timetable?.at(at(0, 0, 30)), null);
  assert.equal(timetable?.lowest, 512 * 1024);
  const weekly = parse("Mon-08:00,1MiB Sat-00:00,off");
  assert.equal(weekly?.at(at(5, 23)), 1024 ** 2);
  assert.equal(weekly?.at(at(6, 3)), null);
  assert.equal(weekly?.at(at(1, 7)), null, "Monday morning still has Saturday's");
});

test("the average counts the time without a limit", () => {
  const timetable = parse("08:00,100KiB 12:00,300KiB 18:00,off");
  assert.equal(timetable?.average(at(1, 10), 4 * 3600), 200 * 1024);
  assert.equal(timetable?.average(at(1, 17), 12 * 3600), null, "most of it has no limit");
});

test("anything else is no timetable", () => {
  for (const text of [
    "",
    "fast",
    "08:00",
    "08:00,",
    "24:00,1MiB",
    "08:60,1MiB",
    "Foo-08:00,1MiB",
    "08:00,0",
    "08:00,1MiB x",
  ]) {
    assert.equal(parse(text), null, text);
  }
});
