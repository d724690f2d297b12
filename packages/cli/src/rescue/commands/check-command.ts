import { createHash } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { millisecondsPer } from "@moraine/protocol";
import { bytesInWords } from "../../arguments/sizes.ts";
import type { CommandContext } from "../../context/tools.ts";
import {
  type CheckFinding,
  type CheckResult,
  type CheckTotals,
  checkExitCode,
} from "../../manifest/check/check-result.ts";
import { checkTarget } from "../../manifest/check-target.ts";
import { readPublicKey } from "../../manifest/signing-key.ts";
import { onOneLine, printableJson } from "../../terminal/printable.ts";
import { listing } from "../../terminal/table.ts";
import { CopiesDifferError } from "../rescue-errors.ts";
import { concurrencyOf, type RescueFlags } from "./read-options.ts";
import { stateFolder, targetOf } from "./target-of.ts";

export interface CheckFlags extends Pick<RescueFlags, "concurrency"> {
  readonly publicKey?: string;
}

/** Checks the copies of a target, and prints each that is not as the manifest says. Throws UsageError. */
export async function checkCopies(tools: CommandContext, text: string, flags: CheckFlags): Promise<void> {
  const { publicKey } = flags;
  const concurrency = concurrencyOf(flags);
  const trustedKey = publicKey === undefined ? null : readPublicKey(await tools.readText(publicKey), publicKey);
  await using target = await targetOf(tools, text, { create: false });
  const { json = false, quiet = false } = tools.options();
  const onFinding = (finding: CheckFinding) =>
    void tools.stdout.write(`${json ? printableJson(finding) : lineOf(finding)}\n`);
  const onProgress = progressWriter(tools, quiet || json);
  const result = await checkTarget(target, {
    journal: await journalFor(tools, target.url),
    trustedKey,
    concurrency,
    signal: tools.signal,
    onFinding,
    onProgress,
  });
  if (json) {
    tools.stdout.write(`${printableJson({ event: "end", ...result })}\n`);
  } else {
    tools.printResult(
      {},
      () => resultText(result),
      () => "",
    );
  }
  const code = checkExitCode(result);
  if (code !== 0) {
    throw new CopiesDifferError(`The copies at ${target.url} are not all as the manifest says`, code);
  }
}

/** A check of another target, or of another manifest, must not use the same journal. */
export async function journalFor(tools: CommandContext, url: string): Promise<string> {
  const folder = stateFolder(tools, "checks");
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return join(folder, `${createHash("sha256").update(url).digest("hex").slice(0, 32)}.sqlite`);
}

const lineOf = ({ finding, location, reason }: CheckFinding): string =>
  onOneLine([finding, location, reason].filter((part) => part !== null).join("  "));

/** Returns a function that prints a line of progress each minute. */
export function progressWriter({ stderr }: CommandContext, isSilent: boolean): (totals: CheckTotals) => void {
  let nextAt = performance.now() + millisecondsPer.minute;
  return ({ sound, soundBytes, missing, changed }) => {
    if (!isSilent && performance.now() >= nextAt) {
      nextAt = performance.now() + millisecondsPer.minute;
      stderr.write(`moraine: ${sound} sound (${bytesInWords(soundBytes)}), ${missing} missing, ${changed} changed\n`);
    }
  };
}

function resultText({
  sound,
  soundBytes,
  missing,
  changed,
  extra,
  unchecked,
  invalidLines,
  signature,
}: CheckResult): string {
  return listing({
    sound: `${sound} copies, ${bytesInWords(soundBytes)}`,
    missing,
    changed,
    extra,
    ...(unchecked > 0 && { "not checked": unchecked }),
    ...(invalidLines > 0 && { "damaged lines of the manifest": invalidLines }),
    signature: signature.state,
  });
}
