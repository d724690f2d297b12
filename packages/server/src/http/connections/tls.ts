import { createPrivateKey, X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { SecureContextOptions } from "node:tls";
import { readPrivateFile } from "../../secrets/private-file.ts";

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

/** Throws an Error that names the file, for one that is missing, holds something else, or does not belong to the other. */
export async function readCertificate({ certFile, keyFile }: CertificateFiles): Promise<Certificate> {
  const cert = await readFile(certFile).catch((cause: Error) => {
    throw new Error(`Cannot read the certificate (--tls-cert): ${cause.message}`, { cause });
  });
  // Before the other file is read: a certificate has open modes, which a private key must not have.
  if (cert.includes("PRIVATE KEY-----") && !cert.includes("BEGIN CERTIFICATE-----")) {
    throw new Error(`${certFile} (--tls-cert) holds a private key: are --tls-cert and --tls-key swapped?`);
  }
  const certificate = parsed(
    () => new X509Certificate(cert),
    `${certFile} (--tls-cert) holds no certificate in PEM form`,
  );
  const key = readKey(keyFile);
  const privateKey = parsed(
    () => createPrivateKey(key),
    `${keyFile} (--tls-key) holds no private key in PEM form without a passphrase`,
  );
  if (!certificate.checkPrivateKey(privateKey)) {
    throw new Error(`The private key in ${keyFile} does not belong to the first certificate in ${certFile}`);
  }
  return { cert, key };
}

function readKey(keyFile: string): Buffer {
  try {
    return readPrivateFile(keyFile);
  } catch (error) {
    const isOfSystem = error instanceof Error && "syscall" in error;
    throw isOfSystem ? new Error(`Cannot read the private key (--tls-key): ${error.message}`, { cause: error }) : error;
  }
}

function parsed<Value>(parse: () => Value, message: string): Value {
  try {
    return parse();
  } catch (cause) {
    throw new Error(message, { cause });
  }
}

export function secureOptions({ cert, key }: Certificate): SecureContextOptions {
  return { cert, key, minVersion: "TLSv1.2", ciphers: suites.join(":") };
}
