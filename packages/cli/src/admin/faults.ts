import type { FaultDescription, FaultModeName } from "@moraine/protocol";
import { Command } from "commander";
import { fraction, wholeNumber } from "../arguments/numbers.ts";
import { rate, size } from "../arguments/sizes.ts";
import type { AdminContext } from "../context/tools.ts";
import { table } from "../terminal/table.ts";

const columns = {
  ID: "FaultId",
  MODE: "Mode",
  OPERATION: "Operation",
  ACCOUNT: "AccountId",
  RATE: "Rate",
  LEFT: "Left",
  FIRED: "Fired",
  BYTES: "Bytes",
  "BYTES/S": "BytesPerSecond",
  MS: "Milliseconds",
} as const satisfies Record<string, keyof FaultDescription>;

interface PutOptions {
  readonly operation?: string;
  readonly account?: string;
  readonly rate?: number;
  readonly count?: number;
  readonly bytes?: number;
  readonly bytesPerSecond?: number;
  readonly milliseconds?: number;
}

export function faultCommands(tools: AdminContext): Command {
  const { call, printResult } = tools;
  const faults = new Command("faults").description(
    "Rules that deliberately corrupt responses, for client testing; only if the server runs with --allow-faults",
  );
  addPut(faults, tools);
  faults
    .command("list")
    .description("List the rules, including those whose count is used up")
    .addHelpText("after", "\nExample:\n  moraine admin faults list")
    .action(async () => {
      const answer = await call("ListFaults", {});
      printResult(answer, () => table(columns, answer.FaultList));
    });
  faults
    .command("delete")
    .description("End a rule")
    .argument("<id>")
    .addHelpText("after", "\nExample:\n  moraine admin faults delete fault-1")
    .action(async (faultId: string) => {
      printResult(await call("DeleteFault", { faultId }), () => `${faultId} has ended.`);
    });
  faults
    .command("clear")
    .description("End all rules")
    .addHelpText("after", "\nExample:\n  moraine admin faults clear")
    .action(async () => {
      printResult(await call("ClearFaults", {}), () => "No fault is in force.");
    });
  return faults;
}

function addPut(faults: Command, { call, printResult }: AdminContext): void {
  faults
    .command("put")
    .description("Add a rule")
    .argument(
      "<mode>",
      "throttle, unavailable, request-timeout, delay, slow-body, reset, wrong-checksum, whole-checksum, corrupt-byte, expired-job, " +
        "insufficient-capacity, no-longer-supported or dash-ids",
    )
    .option("--operation <name>", "operation, e.g. GetJobOutput (default: all that the mode applies to)")
    .option("--account <id>", "account whose requests are affected (default: all)")
    .option("--rate <share>", "share of the responses, above 0 and up to 1 (default: 1)", fraction)
    .option("--count <number>", "maximum number of responses (default: no limit)", wholeNumber)
    .option("--bytes <size>", "reset: bytes of the body sent before; with 0, no response is sent (default: 0)", size)
    .option("--bytes-per-second <rate>", "slow-body: bytes a second, e.g. 64KiB (default: 1024)", rate)
    .option("--milliseconds <number>", "delay: milliseconds before the response starts (default: 1000)", wholeNumber)
    .addHelpText("after", "\nExample:\n  moraine admin faults put throttle --operation GetJobOutput --count 3")
    .action(async (mode: string, options: PutOptions) => {
      const made = await call("PutFault", {
        // Newer servers may have more modes.
        Mode: mode as FaultModeName,
        Operation: options.operation,
        AccountId: options.account,
        Rate: options.rate,
        Count: options.count,
        Bytes: options.bytes,
        BytesPerSecond: options.bytesPerSecond,
        Milliseconds: options.milliseconds,
      });
      printResult(made, () => table(columns, [made]));
    });
}
