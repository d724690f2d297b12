/** From 0 up to but not including 1. */
export type Random = () => number;

/** The same seed and stream give the same numbers; streams have nothing to do with each other. (SplitMix32.) */
export function seededRandom(seed: number, stream: number): Random {
  let state = mix(seed) ^ mix(stream + 1);
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return (mix(state) >>> 0) / 2 ** 32;
  };
}

function mix(value: number): number {
  let mixed = value | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return mixed ^ (mixed >>> 15);
}
