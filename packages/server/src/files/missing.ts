export function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** Waits for the step. Resolves to null when its path does not exist: that is no failure of it. */
export async function ifPresent<T>(step: Promise<T>): Promise<T | null> {
  try {
    return await step;
  } catch (error) {
    return nullIfMissing(error);
  }
}

/** Takes the step. Null when its path does not exist. */
export function ifPresentSync<T>(step: () => T): T | null {
  try {
    return step();
  } catch (error) {
    return nullIfMissing(error);
  }
}

function nullIfMissing(error: unknown): null {
  if (errorCode(error) === "ENOENT") {
    return null;
  }
  throw error;
}
