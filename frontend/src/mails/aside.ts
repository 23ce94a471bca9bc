/** Mails about which somebody must decide. Pure. */
import type { Mail } from '@/desk/mail'

/** The lists of the page, as `GET /mails?state=` names them. */
export const LISTS = ['kept', 'stuck', 'undelivered', 'discarded', ''] as const
export type List = (typeof LISTS)[number]

/** It may still wait for an agent. */
export const mayBeTaken = (mail: Mail): boolean =>
  mail.direction === 'in' && mail.reason !== 'no_account' && (mail.state === 'kept' || mail.state === 'discarded' || (mail.state === 'new' && mail.reason !== ''))

/** Nobody need see it. While core may have it already, that cannot be said. */
export const mayBeDiscarded = (mail: Mail): boolean =>
  mail.direction === 'in' && (mail.state === 'kept' || (mail.state === 'new' && mail.reason !== '' && mail.reason !== 'core_unavailable'))

/** The reasons for which we have words; others are told as they are. */
export const REASONS = ['auto_reply', 'bulk', 'bounce', 'loop', 'flood', 'unknown_queue', 'core_unavailable', 'no_account']

/** The colour of a mail's mark. */
export function tone(mail: Mail): string {
  if (mail.direction === 'out') return mail.state === 'sent' ? 'ready' : ['failed', 'returned'].includes(mail.state) ? 'danger' : mail.state === 'uncertain' ? 'working_after_call' : 'busy'
  if (mail.state === 'new') return mail.reason ? 'danger' : 'busy'
  return mail.state === 'kept' ? 'working_after_call' : mail.state === 'taken' ? 'ready' : ''
}

/** The mail to go on with when `id` leaves the list: the next one, else the one before. */
export function neighbour(mails: Mail[], id: string): Mail | undefined {
  const place = mails.findIndex((one) => one.id === id)
  return mails[place + 1] ?? mails[place - 1]
}
