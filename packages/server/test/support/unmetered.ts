/** For access control that reads whatever policies there are, at once. */
export const unmetered = { policyMeter: { admit: async () => undefined }, onTooCostly: () => undefined };
