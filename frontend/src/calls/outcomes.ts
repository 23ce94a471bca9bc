/** What became of a contact, as its tag says it. Pure. */
import type { Contact } from '@/api/types'

export type Outcome = 'answered' | 'running' | 'abandoned' | 'not_reached'

/** Whoever else than a person answered our call (`outcome` of a contact). */
const NOBODY = ['machine', 'fax', 'busy', 'congestion', 'unobtainable']

export function outcomeOf(one: Pick<Contact, 'answered' | 'ended_at' | 'outcome'>): Outcome {
  if (NOBODY.includes(one.outcome ?? '')) return 'not_reached'
  if (one.answered) return 'answered'
  if (one.ended_at === null) return 'running'
  return one.outcome === 'not_reached' ? 'not_reached' : 'abandoned'
}

/** The words (key of the texts, and what stands for it) of a number of ours that was not reached: busy is not the same as no answer. */
export function whyNot(one: Pick<Contact, 'outcome' | 'cause'>): [prefix: string, code: string] {
  return NOBODY.includes(one.outcome ?? '') ? ['answerer', one.outcome ?? ''] : ['cause.cause', one.cause || 'unreachable']
}
