import { readFile } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import { readPrivateFile } from "../secrets/private-file.ts";

/** A certificate chain and its private key, both PEM. */
export interface Certificate {
  readonly cert: Buffer;
  readonly key: Buffer;
}

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Those of TLS 1.3, and those of 1.2 that have forward secrecy and authenticated encryption: no static RSA, no CBC. */
const suites = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
];

/** A year, as browsers' lists ask for it; for this host alone, since others below its name are not ours to judge. */
export const strictTransportSecurity = { "Strict-Transport-Security": "max-age=31536000" } as const;

export async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<Certificate> {
  return { cert: await readFile(certFile), key: readPrivateFile(keyFile) };
}

export function secureOptions({ cert, key }: Certificate): SecureContextOptions {
  return { cert, key, minVersion: "TLSv1.2", ciphers: suites.join(":") };
}
