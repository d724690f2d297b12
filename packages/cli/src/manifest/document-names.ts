/** One line for each verified copy. */
export const manifestName = "MANIFEST.jsonl";
/** The SHA-256 of each copy, for `sha256sum -c`. */
export const sumsName = "SHA256SUMS";
/** One line for each archive that could not be copied. */
export const failuresName = "FAILED.jsonl";
/** A page for people. */
export const reportName = "REPORT.html";
/** The hashes of the documents that a signature covers, its public key, and the signature. */
export const signedName = "MANIFEST.sha256";
export const signatureName = "MANIFEST.sig";
export const publicKeyName = "MANIFEST.pub";
