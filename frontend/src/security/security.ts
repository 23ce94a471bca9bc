/** What `GET /security` tells, and how it is sorted for the page. */

export interface Ban { node: string; source: string; reason: string; tries: number; since: string; until: string; dropped: number }
export interface Refusal { kind: string; source: string; account: string; count: number; first: string; last: string }
export interface Suspect { node: string; account: string; reason: string }
export interface Alarm { code: string; process: string; node: string; reason: string; count: number }
export interface Overview {
  at: string
  switches: { node: string; answers: boolean; since: string | null }[]
  bans: Ban[]
  refused: Refusal[]
  counts: Record<string, number>
  suspects: Suspect[]
  alarms: Alarm[]
}

/** How reading and sending goes for a mail address, of `GET /mail_accounts`. */
export interface Standing { state: string; reason: string; since: string | null }
export interface Reading extends Standing { id: string; address: string; enabled: boolean; sending: Standing }
export interface MailTrouble { id: string; address: string; way: 'in' | 'out'; reason: string; since: string | null }

/** Addresses for which no mail can be fetched or sent; the longest trouble first. */
export function mailTroubles(readings: Reading[]): MailTrouble[] {
  const trouble = (one: Reading, way: 'in' | 'out', { reason, since }: Standing): MailTrouble => ({ id: one.id, address: one.address, way, reason, since })
  const fetched = readings.filter((one) => one.enabled && one.state === 'failed').map((one) => trouble(one, 'in', one))
  const sent = readings.filter((one) => one.sending.state === 'failed').map((one) => trouble(one, 'out', one.sending))
  return [...fetched, ...sent].sort((a, b) => (a.since ?? '').localeCompare(b.since ?? ''))
}

/** Kinds with something to show or to count, the most frequent first. */
export function kindsOf(seen: Overview): { kind: string; count: number }[] {
  const kinds = new Set([...Object.keys(seen.counts), ...seen.refused.map((one) => one.kind)])
  return [...kinds].map((kind) => ({ kind, count: seen.counts[kind] ?? 0 })).sort((a, b) => b.count - a.count || a.kind.localeCompare(b.kind))
}

/** Whole seconds until `until`, never below 0; both are moments of the server's clock. */
export function secondsLeft(until: string, now: number): number {
  return Math.max(0, Math.round((Date.parse(until) - now) / 1000))
}

/** The row to which the focus goes when `source` leaves the list: the next one, else the one before. */
export function neighbour(bans: Ban[], source: string): string | null {
  const place = bans.findIndex((one) => one.source === source)
  return (bans[place + 1] ?? bans[place - 1])?.source ?? null
}
