import { parseArgs } from "node:util";
import { assertSurvived, hostileWeek } from "./week.ts";

// Uploads and retrieves an archive with the command through everything that can go wrong, once for each seed, and prints a line of
// JSON for each. Root alone can run it: it mounts small disks, which fill up.

const { values } = parseArgs({
  options: {
    "first-seed": { type: "string", default: "1" },
    seeds: { type: "string", default: "20" },
    mib: { type: "string", default: "1024" },
    /** The time of each transfer; a seed has two. */
    seconds: { type: "string", default: "45" },
  },
});

const first = Number(values["first-seed"]);
for (let seed = first; seed < first + Number(values.seeds); seed += 1) {
  const result = await hostileWeek({
    seed,
    sizeBytes: Number(values.mib) * 1024 ** 2,
    hostileSeconds: Number(values.seconds),
  });
  console.log(JSON.stringify(result));
  try {
    assertSurvived(result);
  } catch (error) {
    console.error(error);
    process.exitCode = 1;
  }
}
