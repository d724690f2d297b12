import type { ClockDescription } from "@moraine/protocol";
import { Command } from "commander";
import { seconds } from "../arguments/numbers.ts";
import type { AdminContext } from "../context/tools.ts";
import { listing } from "../terminal/table.ts";

export function clockCommands({ call, printResult }: AdminContext): Command {
  const clock = new Command("clock").description("The service's time; only for the operator's own account");
  const shown = (answer: ClockDescription) =>
    printResult(answer, () =>
      listing({
        clock: answer.Clock,
        now: answer.Now,
        "for policies": answer.PolicyTimeIsBehind
          ? `${answer.PolicyNow}: the clock is implausibly far ahead, and is not followed without --trust-clock`
          : answer.PolicyNow,
      }),
    );
  clock
    .command("show")
    .description("Show the kind of clock and its time")
    .addHelpText("after", "\nExample:\n  moraine admin clock show")
    .action(async () => shown(await call("GetClock", {})));
  clock
    .command("advance")
    .description("Move a manual clock forward; work that is due then starts")
    .argument("<time>", "e.g. 90, 15m, 4h or 2d", seconds)
    .addHelpText("after", "\nExample:\n  moraine admin clock advance 4h")
    .action(async (time: number) => shown(await call("AdvanceClock", { Seconds: time })));
  clock
    .command("set")
    .description("Move a manual clock forward to a given time")
    .argument("<moment>", "e.g. 2026-03-04T05:06:07Z")
    .addHelpText("after", "\nExample:\n  moraine admin clock set 2030-01-01T00:00:00Z")
    .action(async (moment: string) => shown(await call("AdvanceClock", { To: moment })));
  return clock;
}
