import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type LockFile, lockFileFaults } from "./lock-file.ts";

// `npm run supply:check`: refuses a lock file that brings in what it must not, and writes the bill of materials.

const bill = "dist/sbom.cdx.json";

const lock = JSON.parse(readFileSync("package-lock.json", "utf8")) as LockFile;
const faults = lockFileFaults(lock);
if (faults.length > 0) {
  process.stderr.write(`${faults.map((fault) => `package-lock.json: ${fault}`).join("\n")}\n`);
  process.exit(1);
}
// The list is made from the lock file: an installation lacks the packages of other platforms.
const args = ["sbom", "--package-lock-only", "--sbom-format=cyclonedx", "--sbom-type=application"];
const sbom = execFileSync("npm", args, { encoding: "utf8", maxBuffer: 64 * 1024 ** 2 });
const written = JSON.parse(sbom) as { metadata: { component: { name: string } }; components: readonly unknown[] };
// npm names the application after the folder that it happens to lie in.
written.metadata.component.name = "moraine";
mkdirSync("dist", { recursive: true });
writeFileSync(bill, `${JSON.stringify(written, null, 2)}\n`);
process.stdout.write(`package-lock.json: no faults; ${bill} lists ${written.components.length} components\n`);
