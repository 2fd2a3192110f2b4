/** Below this, logarithms are summed; from here on Stirling's series is exact to the last bits of a double. */
const SERIES_FROM = 32;

const summed: number[] = [0];
for (let n = 1; n < SERIES_FROM; n++) summed.push((summed[n - 1] ?? 0) + Math.log(n));

/** ln n! */
function logFactorial(n: number): number {
  if (n < SERIES_FROM) return summed[n] ?? 0;
  const inverse = 1 / n;
  const square = inverse * inverse;
  const rest = inverse * (1 / 12 - square * (1 / 360 - square * (1 / 1260 - square / 1680)));
  return (n + 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + rest;
}

/** ln of the number of ways to choose `k` of `n`. */
export function logChoose(n: number, k: number): number {
  return logFactorial(n) - logFactorial(k) - logFactorial(n - k);
}
