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
    .description("Show a root's key that was lost, from the data folder of a server that is down")
    .requiredOption("--offline", "read the files; a server that runs shows no secret")
    .option("--data <dir>", "the data folder (MORAINE_DATA; ./moraine-data)")
    .option("--sealing-key <file>", "what seals its secrets (MORAINE_SEALING_KEY_FILE; secrets.key in the folder)")
    .option("--of-account <digits>", "whose root (the account that the folder belongs to)")
    .addHelpText("after", "\nExample:\n  moraine admin root-key --offline --data ./moraine-data")
    .action(async ({ data, sealingKey, ofAccount }: RootKeyOptions) => {
      const { readRootKeys } = await import("../offline/root-keys.ts");
      const folder = pathOf(data ?? environment["MORAINE_DATA"] ?? "./moraine-data");
      const file = sealingKey ?? environment["MORAINE_SEALING_KEY_FILE"];
      const place = { folder, sealingKeyFile: file === undefined ? null : pathOf(file), accountId: ofAccount ?? null };
      const [key] = readRootKeys(place);
      if (key === undefined) {
        throw new Error(
          "The root has no active key. Start the server with --root-key-file FILE, which holds a new one as lines " +
            "AWS_ACCESS_KEY_ID=… and AWS_SECRET_ACCESS_KEY=…",
        );
      }
      const { accountId, accessKeyId: AccessKeyId, secretAccessKey: SecretAccessKey } = key;
      const answer = { AccountId: accountId, AccessKeyId, SecretAccessKey };
      printResult(answer, () => exportLines(`The root's key of account ${accountId}.`, answer));
    });
}
