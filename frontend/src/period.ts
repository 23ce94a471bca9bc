/** Days that people choose, and the moments between which they lie. Pure but for `daysBack`, which looks at the clock. */
import { startOfDay, today } from '@/format'

/** The last `count` days with today, as YYYY-MM-DD in `zone`. */
export function daysBack(count: number, zone?: string, now = Date.now()): [string, string] {
  const last = today(now, zone)
  return [shifted(last, 1 - count), last]
}

/** `day` so many days later. */
export function shifted(day: string, days: number): string {
  const at = new Date(`${day}T00:00:00Z`)
  at.setUTCDate(at.getUTCDate() + days)
  return at.toISOString().slice(0, 10)
}

/** From the first midnight to the one after the last day. */
export function rangeOf(days: [string, string], zone?: string): { from: string; to: string } {
  return { from: startOfDay(days[0], zone).toISOString(), to: startOfDay(shifted(days[1], 1), zone).toISOString() }
}
