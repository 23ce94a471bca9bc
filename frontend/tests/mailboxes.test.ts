import { describe, expect, it } from 'vitest'
import { asAsked, behind, beside, differs, marked, newOnes, type Mailbox, type Status, type VoiceMessage } from '@/mailboxes/messages'

const message = (id: string, status: VoiceMessage['status']): VoiceMessage => ({
  id, mailbox: 'm', mailbox_name: 'M', contact: 'c', left_at: '2026-11-22T10:00:00Z', status, milliseconds: 1000, calling: '', called: '', customer: null, heard_at: null,
  heard_by: null, mailed: false, mail: null, url: '', peaks: '', links: '',
})
const list = [message('a', 'new'), message('b', 'heard')]

describe('the list of messages', () => {
  it('counts what nobody has heard', () => {
    expect(newOnes({ m: { new: 2 }, n: { new: 1 } })).toBe(3)
    expect(newOnes(undefined)).toBe(0)
  })

  it('is behind while a mailbox counts otherwise than the live document', () => {
    const box: Mailbox = { id: 'm', code: 'm', name: 'M', number: '', new: 1, total: 3, queue: null, notice: null }
    expect(behind([box], { m: { new: 2 } })).toBe(true)
    expect(behind([box], { m: { new: 1 } })).toBe(false)
    expect(behind([box], { n: { new: 5 } })).toBe(false)
    expect(behind([box], undefined)).toBe(false)
  })

  it('differs when something was left, heard or deleted', () => {
    const box: Mailbox = { id: 'm', code: 'm', name: 'M', number: '', new: 1, total: 3, queue: null, notice: null }
    expect(differs([box], [{ ...box }])).toBe(false)
    expect(differs([box], [{ ...box, new: 2, total: 4 }])).toBe(true)
    expect(differs([box], [{ ...box, new: 0 }])).toBe(true)
    expect(differs([], [box])).toBe(true)
  })

  it('shows a change at once, and lets go what it does not show', () => {
    expect(marked(list, 'a', 'heard', '').map((one) => one.status)).toEqual(['heard', 'heard'])
    expect(marked(list, 'a', 'deleted', '').map((one) => one.id)).toEqual(['b'])
    expect(marked(list, 'a', 'heard', 'new').map((one) => one.id)).toEqual(['b'])
    expect(marked([message('a', 'deleted')], 'a', 'new', 'deleted')).toEqual([])
  })

  it('stays as asked for until the server shows it, and not longer', () => {
    const asked = new Map<string, Status>([['a', 'heard']])
    expect(asAsked(list, asked, '').map((one) => one.status)).toEqual(['heard', 'heard'])
    expect(asAsked(list, asked, 'new').map((one) => one.id)).toEqual(['b'])
    expect(asked.size).toBe(1)
    asAsked([message('a', 'heard')], asked, '')
    expect(asAsked([message('a', 'new')], asked, '').map((one) => one.status)).toEqual(['new'])
  })

  it('knows what is beside', () => {
    expect(beside(list, 'a', 1)?.id).toBe('b')
    expect(beside(list, 'b', 1)).toBeUndefined()
    expect(beside(list, null, -1)?.id).toBe('b')
  })
})
