import { describe, expect, it } from 'vitest'
import { beside, marked, newOnes, type VoiceMessage } from '@/mailboxes/messages'

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

  it('shows a change at once, and lets go what it does not show', () => {
    expect(marked(list, 'a', 'heard', '').map((one) => one.status)).toEqual(['heard', 'heard'])
    expect(marked(list, 'a', 'deleted', '').map((one) => one.id)).toEqual(['b'])
    expect(marked(list, 'a', 'heard', 'new').map((one) => one.id)).toEqual(['b'])
    expect(marked([message('a', 'deleted')], 'a', 'new', 'deleted')).toEqual([])
  })

  it('knows what is beside', () => {
    expect(beside(list, 'a', 1)?.id).toBe('b')
    expect(beside(list, 'b', 1)).toBeUndefined()
    expect(beside(list, null, -1)?.id).toBe('b')
  })
})
