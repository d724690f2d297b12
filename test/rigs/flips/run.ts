import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { CannotVerifyError } from "../../../packages/server/src/verify/open-folder.ts";
import { flipBit } from "../../../packages/server/test/support/flip-bit.ts";
import { Random } from "../../support/random.ts";
import { memoryFolder, temporaryFolder } from "../../support/temporary-folder.ts";
import { copyOf, filledFolders } from "../../support/verify/folders.ts";
import { findingsIn } from "../../support/verify/look.ts";
import { recoveredService } from "../recovered-service.ts";
import { type Responses, responsesOf } from "./responses.ts";

export interface FlipsOptions {
  readonly seed: number;
  /** How many bits are flipped, each in a folder of its own. */
  readonly count: number;
  readonly stopsAtViolation?: boolean;
}

/** The first that noticed a flipped bit. Harmless ones change no response, as in a page that is free. */
type Outcome = "refused at the start" | "refused by a request" | "named by verify" | "harmless" | "silent";

export interface FlipsResult {
  readonly rig: "flips";
  readonly seed: number;
  readonly flips: Readonly<Record<Outcome, number>>;
  /** Bits that changed an response and that nothing noticed. */
  readonly findings: readonly string[];
  readonly seconds: number;
}

/** Flips single bits of the database at places that follow from the seed: each must be noticed, or change nothing. */
export async function runFlips({ seed, count, stopsAtViolation = false }: FlipsOptions): Promise<FlipsResult> {
  const began = performance.now();
  await using folders = await filledFolders(memoryFolder);
  const before = await lookAt(folders.stopped, async () => undefined);
  const flips = {
    ...{ "refused at the start": 0, "refused by a request": 0, "named by verify": 0, harmless: 0, silent: 0 },
  };
  const findings: string[] = [];
  const database = await readFile(join(folders.stopped, "moraine.db"));
  for (let index = 0; index < count; index += 1) {
    const random = new Random(seed + index);
    const position = placeIn(database, random);
    const bit = random.whole(0, 7);
    const after = await lookAt(folders.stopped, (path) => flipBit(join(path, "moraine.db"), position, bit));
    const outcome = outcomeOf(before.responses ?? {}, after);
    flips[outcome] += 1;
    if (outcome === "silent") {
      findings.push(`bit ${bit} of byte ${position}: ${differences(before.responses ?? {}, after.responses ?? {})[0]}`);
      if (stopsAtViolation) {
        break;
      }
    }
  }
  return { rig: "flips", seed, flips, findings, seconds: (performance.now() - began) / 1000 };
}

/**
 * Chooses a page, and in it a byte other than zero: most of a small database is empty, where a bit changes nothing, and most of the
 * rest is its schema.
 */
function placeIn(bytes: Buffer, random: Random): number {
  const pageBytes = bytes.readUInt16BE(16);
  for (;;) {
    const start = pageBytes * random.whole(0, bytes.length / pageBytes - 1);
    const page = bytes.subarray(start, start + pageBytes);
    const place = random.oneOf(Array.from(page.keys()).filter((at) => page[at] !== 0));
    if (place !== undefined) {
      return start + place;
    }
  }
}

interface Look {
  /** Null when the service does not start. */
  readonly responses: Responses | null;
  readonly isNamed: boolean;
}

/** Damages a copy of a folder, has it verified, and starts the service on it. */
async function lookAt(folder: string, damage: (path: string) => Promise<void>): Promise<Look> {
  await using place = await temporaryFolder(memoryFolder);
  const path = join(place.path, "data");
  await copyOf(folder, path);
  await damage(path);
  const isNamed = await isNamedIn(path);
  const service = await recoveredService(path).catch(() => null);
  if (service === null) {
    return { responses: null, isNamed };
  }
  try {
    return { responses: await responsesOf(service.url), isNamed };
  } finally {
    // A damaged database may refuse the changes of an end in order.
    await service[Symbol.asyncDispose]().catch(() => undefined);
  }
}

/** Whether a check finds something, or says why it cannot check the folder. */
async function isNamedIn(path: string): Promise<boolean> {
  try {
    return (await findingsIn(path, "quick")).length > 0;
  } catch (error) {
    if (error instanceof CannotVerifyError) {
      return true;
    }
    throw error;
  }
}

function outcomeOf(before: Responses, { responses, isNamed }: Look): Outcome {
  if (responses === null) {
    return "refused at the start";
  }
  if (Object.entries(before).some(([path, response]) => response !== null && responses[path] === null)) {
    return "refused by a request";
  }
  if (isNamed) {
    return "named by verify";
  }
  return differences(before, responses).length === 0 ? "harmless" : "silent";
}

const differences = (before: Responses, after: Responses): string[] =>
  Object.entries(before)
    .filter(([path, response]) => after[path] !== response)
    .map(([path, response]) => `${path} is ${after[path]} instead of ${response}`);
