/** Text messages as the API shows them. Pure. */
import type { Named } from '@/api/types'

export const STATES = ['waiting', 'submitting', 'accepted', 'delivered', 'failed', 'expired', 'cancelled', 'uncertain'] as const
export type State = (typeof STATES)[number]
export const SOURCES = ['flow', 'desk', 'mailbox'] as const
export interface TextMessage {
  id: string
  contact: string | null
  source: (typeof SOURCES)[number]
  state: State
  reason: string
  tries: number
  parts: number
  line: Named | null
  agent: Named | null
  mailbox: Named | null
  resent_by: Named | null
  recipient: string
  body: string
  created_at: string
  next_at: string | null
  expires_at: string
  accepted_at: string | null
  ended_at: string | null
  again: boolean
}
export interface TextLine { id: string; code: string; name: Named; enabled: boolean; host: string; port: number; state: 'bound' | 'unbound'; reason: string; since: string | null }
export interface Standing { lines: TextLine[]; counts: Partial<Record<State, number>> }
export interface Template { id: string; code: string; name: Named; texts: Record<string, string> }

/** The colour of a state. */
export function tone(state: State): string {
  if (state === 'delivered' || state === 'accepted') return 'ready'
  if (state === 'failed' || state === 'expired') return 'danger'
  if (state === 'uncertain') return 'working_after_call'
  return state === 'cancelled' ? '' : 'busy'
}

/** A reason begins with a code of ours; what follows is the centre's own word. */
export function reasonOf(reason: string): { code: string; detail: string } {
  const [code = '', ...rest] = reason.split(/[ :]+/)
  return { code, detail: rest.join(' ') }
}

/** Whether something of the list may change by itself soon. */
export const alive = (one: TextMessage) => one.state === 'waiting' || one.state === 'submitting'
