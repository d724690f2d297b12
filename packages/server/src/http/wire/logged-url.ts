const secret = /x-amz-(signature|security-token)$/i;

/**
 * A request's URL for the log, without what would let a reader of the log use it. Names are compared as the server reads
 * them, which is decoded; and separators count that it does not know, as another server may have meant them.
 */
export function loggedUrl(url: string): string {
  return url.replace(/([^?&;=]+)=[^&;]*/g, (parameter, name: string) => (isSecret(name) ? `${name}=…` : parameter));
}

function isSecret(name: string): boolean {
  try {
    return secret.test(decodeURIComponent(name));
  } catch {
    // Nobody can say how it was meant.
    return true;
  }
}
