import { Command } from "commander";
import type { AdminContext } from "../context/tools.ts";
import { exportLines } from "../terminal/shell-lines.ts";

interface RootKeyOptions {
  readonly data?: string;
  readonly sealingKey?: string;
  readonly ofAccount?: string;
}

export function rootKeyCommand({ environment, pathOf, printResult }: AdminContext): Command {
  return new Command("root-key")
    .description("Show a lost root key, from the data folder of a stopped server")
    .requiredOption("--offline", "read the files; a running server shows no secret")
    .option("--data <dir>", "the data folder (MORAINE_DATA; default: ./moraine-data)")
    .option(
      "--sealing-key <file>",
      "file with the sealing key (MORAINE_SEALING_KEY_FILE; default: secrets.key in the folder)",
    )
    .option("--of-account <digits>", "account of the root (default: the account that the folder belongs to)")
    .addHelpText("after", "\nExample:\n  moraine admin root-key --offline --data ./moraine-data")
    .action(async ({ data, sealingKey, ofAccount }: RootKeyOptions) => {
      const { readRootKeys } = await import("../offline/root-keys.ts");
      const folder = pathOf(data ?? environment["MORAINE_DATA"] ?? "./moraine-data");
      const file = sealingKey ?? environment["MORAINE_SEALING_KEY_FILE"];
      const place = { folder, sealingKeyFile: file === undefined ? null : pathOf(file), accountId: ofAccount ?? null };
      const [key] = readRootKeys(place);
      if (key === undefined) {
        throw new Error(
          "The root has no active key. Start the server with --root-key-file FILE, where FILE has a new key in the lines " +
            "AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…",
        );
      }
      const { accountId, accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = key;
      const answer = { AccountId: accountId, AccessKeyId, SecretAccessKey };
      printResult(answer, () => exportLines(`The root's key of account ${accountId}.`, answer));
    });
}
