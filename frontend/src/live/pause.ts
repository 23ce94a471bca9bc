/**
 * How long to wait before the next attempt: at most 0.5 s before the first, doubling to 4 s, each shortened by chance, so that a hundred desks
 * that lost the same server do not all come back in the same moment.
 */
export function pauseBefore(attempt: number, random: number): number {
  const longest = Math.min(500 * 2 ** Math.min(attempt, 10), 4000)
  return Math.round(longest * (0.1 + 0.9 * random))
}
