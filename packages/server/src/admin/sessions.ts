import { adminLimits, errors, formatMilliseconds, millisecondsPer } from "@moraine/protocol";
import { hashOfToken, newSecret, newSessionKeyId, newSessionToken } from "../auth/new-credentials.ts";
import type { AdminHandler } from "./context.ts";

/** An expired session is reported as expired for this long, and afterwards as unknown. */
const rememberedMilliseconds = 7 * millisecondsPer.day;

export const createSession: AdminHandler<"CreateSession"> = async (
  { metadata, keyring, systemNow },
  { userName, DurationSeconds: seconds = adminLimits.sessionSecondsDefault },
  { accountId },
) => {
  const { sessionSecondsMin, sessionSecondsMax } = adminLimits;
  if (!Number.isInteger(seconds) || seconds < sessionSecondsMin || seconds > sessionSecondsMax) {
    throw errors.invalidParameter(
      `Invalid DurationSeconds: ${seconds}. It must be a whole number from ${sessionSecondsMin} to ${sessionSecondsMax}`,
    );
  }
  const secret = { accountId, accessKeyId: newSessionKeyId(), secretAccessKey: newSecret() };
  const token = newSessionToken();
  const issuedAt = systemNow().getTime();
  const expiresAt = issuedAt + seconds * 1000;
  await metadata.addSession({
    key: keyring.seal(secret),
    userName,
    session: { tokenHash: hashOfToken(token), expiresAt },
    issuedAt,
    forgetBefore: issuedAt - rememberedMilliseconds,
  });
  return {
    AccessKeyId: secret.accessKeyId,
    SecretAccessKey: secret.secretAccessKey,
    SessionToken: token,
    UserName: userName,
    Expiration: formatMilliseconds(new Date(expiresAt)),
  };
};
