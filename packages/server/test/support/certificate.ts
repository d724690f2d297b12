import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

/** A certificate that signs itself, and its key: files (PEM) and what stands in them. */
export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: string;
  readonly key: string;
}

const kinds = {
  ec: ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
  rsa: ["-newkey", "rsa:2048"],
} as const;

/** Overwrites what an earlier call made. @param names as openssl takes them: `IP:127.0.0.1,DNS:hooks.example`. */
export async function selfSigned(
  folder: string,
  names = "IP:127.0.0.1",
  kind: keyof typeof kinds = "ec",
): Promise<Certificate> {
  const [certFile, keyFile] = [join(folder, "cert.pem"), join(folder, "key.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", `subjectAltName=${names}`, "-days", "2", "-nodes"];
  await promisify(execFile)("openssl", [
    "req",
    "-x509",
    ...kinds[kind],
    ...subject,
    "-out",
    certFile,
    "-keyout",
    keyFile,
  ]);
  return { certFile, keyFile, cert: await readFile(certFile, "utf8"), key: await readFile(keyFile, "utf8") };
}
