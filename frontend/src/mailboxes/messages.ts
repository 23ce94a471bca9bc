/** Messages in mailboxes, as the page shows them. Pure. */
import type { Named } from '@/api/types'

export type Status = 'new' | 'heard' | 'deleted'
export interface Mailbox { id: string; code: string; name: Named; number: string; new: number; total: number; queue: string | null; notice: Notice | null }
/** Whether new messages are told by text message; null where no number gets any. `cause`: why the last one could not be sent. */
export interface Notice { on: boolean; times: number; sent_at: string | null; cause: string }
export interface Mail { state: 'waiting' | 'sent' | 'failed'; tries: number; error: string; sent_at: string | null }
export interface VoiceMessage {
  id: string
  mailbox: string
  mailbox_name: Named
  contact: string
  left_at: string
  status: Status
  milliseconds: number
  calling: string
  called: string
  customer: { id: string; name: Named | null } | null
  heard_at: string | null
  heard_by: Named | null
  mailed: boolean
  mail: Mail | null
  url: string
  peaks: string
  links: string
}

/** How many new ones a live document tells of. */
export function newOnes(mailboxes: Record<string, { new: number }> | undefined): number {
  return Object.values(mailboxes ?? {}).reduce((sum, box) => sum + box.new, 0)
}

/** Whether the lists do not show yet what the live document tells: they are written a moment after it, under load a longer one. */
export function behind(boxes: Mailbox[], live: Record<string, { new: number }> | undefined): boolean {
  return boxes.some((box) => live?.[box.id] !== undefined && live[box.id]!.new !== box.new)
}

/** Whether something was left, heard or deleted between two readings of the mailboxes. */
export function differs(before: Mailbox[], after: Mailbox[]): boolean {
  const counts = new Map(before.map((box) => [box.id, box]))
  return after.some((box) => box.new !== counts.get(box.id)?.new || box.total !== counts.get(box.id)?.total)
}

/** The list after a message got `status`; it leaves a list that does not show such ones. */
export function marked(list: VoiceMessage[], id: string, status: Status, shown: string): VoiceMessage[] {
  const stays = shown === status || (shown === '' && status !== 'deleted')
  return stays ? list.map((one) => (one.id === id ? { ...one, status } : one)) : list.filter((one) => one.id !== id)
}

/** A list as it was asked for, where the server does not show yet what was; `asked` forgets what it shows by now. */
export function asAsked(list: VoiceMessage[], asked: Map<string, Status>, shown: string): VoiceMessage[] {
  for (const one of list) if (asked.get(one.id) === one.status) asked.delete(one.id)
  return [...asked].reduce((rest, [id, status]) => marked(rest, id, status, shown), list)
}

/** The message that a key leads to: the next or the one before, none outside the list. */
export function beside(list: VoiceMessage[], id: string | null, step: 1 | -1): VoiceMessage | undefined {
  const at = list.findIndex((one) => one.id === id)
  return at < 0 ? list[step === 1 ? 0 : list.length - 1] : list[at + step]
}
