/** For access control that reads and judges by whatever policies there are, at once. */
export const unmetered = {
  policyMeter: { admit: () => null, charge: () => undefined },
  onTooCostly: () => undefined,
};
