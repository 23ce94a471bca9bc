/** Faxes as the API shows them, and what a page does with them. */
import { get, getBlob } from '@/api/client'
import type { Named } from '@/api/types'

export { download } from '@/api/download'

export interface Fax {
  id: string
  contact: string
  began_at: string
  ended_at: string | null
  sent: boolean
  code: string
  outcome: string
  pages: number
  all_pages: number
  rate: number
  t38: boolean
  error_correction: boolean
  station: string
  number: string
  name: string
  sending: string | null
  retry: boolean
  agent: { id: string; name: Named } | null
  queue: { id: string; name: Named } | null
  seen: boolean
  deleted_at: string | null
  document: string
}

export const STATES = ['waiting', 'dialling', 'sent', 'failed', 'cancelled', 'refused'] as const
export type RecipientState = (typeof STATES)[number]
export interface Period { days: string[]; from: string; to: string }
export interface Sending {
  id: string
  name: string
  pages: number
  station: string
  lines: number
  tries: number
  spacing_seconds: number
  hours: Period[]
  state: 'running' | 'paused' | 'cancelled' | 'done'
  made_at: string
  made_by: Named | null
  ended_at: string | null
  next_at: string | null
  number: string | null
  counts: Record<RecipientState | 'total', number>
}

export interface Recipient {
  id: string
  line: number
  given: string
  number: string
  name: string
  state: RecipientState
  reason: string
  tries: number
  next_at: string | null
  ended_at: string | null
  fax: string | null
  pages: number
}

export interface Line { line: number; given: string; number: string; name: string; fault: string }
export interface Looked { good: number; bad: number; lines: Line[] }
export interface Upload { id: string; name: string; pages: number }
export interface Document { code: string; name: Named; pages: number }

export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']

/** Whether somebody is called, or will be. */
export function alive(sending: Sending): boolean {
  return sending.ended_at === null
}

/** The part of a list that is done, 0 to 100; lines that are not called do not count. */
export function progress(sending: Sending): number {
  const { total, refused, sent, failed, cancelled } = sending.counts
  const called = total - refused
  return called ? Math.round(((sent + failed + cancelled) * 100) / called) : 100
}

export function tone(state: RecipientState | Sending['state']): string {
  return { waiting: '', dialling: 'busy', running: 'busy', sent: 'ready', done: 'ready', failed: 'danger', cancelled: '', refused: 'ringing', paused: 'working_after_call' }[state]
}

/** A picture behind the Bearer token, as the address of an image. */
export async function picture(path: string, signal?: AbortSignal): Promise<string> {
  const blob = await getBlob(path, signal)
  return new Promise((done, failed) => {
    const reader = new FileReader()
    reader.onload = () => done(String(reader.result))
    reader.onerror = () => failed(reader.error ?? new Error('unreadable'))
    reader.readAsDataURL(blob)
  })
}

export const sendingOf = (id: string) => get<Sending>(`/fax_sendings/${id}`)
