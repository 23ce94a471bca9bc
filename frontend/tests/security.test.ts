import { describe, expect, it } from 'vitest'
import en from '@/locales/en.json'
import { kindsOf, mailTroubles, neighbour, secondsLeft, type Ban, type Overview, type Reading } from '@/security/security'

const ban = (source: string): Ban => ({ node: 'n', source, reason: 'wrong_passwords', tries: 30, since: '', until: '', dropped: 0 })

describe('the security page', () => {
  it('counts kinds over all time and shows those that are listed too, the most frequent first', () => {
    const line = { kind: 'unencrypted', source: '', account: '1001', count: 1, first: '', last: '' }
    const seen = { counts: { not_there: 3, wrong_password: 7 }, refused: [line] } as unknown as Overview
    expect(kindsOf(seen)).toEqual([{ kind: 'wrong_password', count: 7 }, { kind: 'not_there', count: 3 }, { kind: 'unencrypted', count: 0 }])
  })
  it('counts down to zero and not below', () => {
    const now = Date.parse('2026-11-22T10:00:00.000Z')
    expect(secondsLeft('2026-11-22T10:09:59.400Z', now)).toBe(599)
    expect(secondsLeft('2026-11-22T09:00:00.000Z', now)).toBe(0)
  })
  it('names the mail addresses that cannot be read or cannot send, the longest trouble first', () => {
    const fine = { state: 'ok', reason: '', since: null }
    const reading = (id: string, more: Partial<Reading> = {}): Reading => ({ id, address: id, enabled: true, state: 'failed', reason: 'credentials', since: `2026-11-22T10:0${id}:00Z`, sending: fine, ...more })
    const silent = { state: 'failed', reason: 'no_connection', since: '2026-11-22T10:02:30Z' }
    const all = [reading('3'), reading('1', { state: 'ok' }), reading('2', { enabled: false, sending: silent }), reading('0')]
    expect(mailTroubles(all).map((one) => [one.id, one.way, one.reason])).toEqual([['0', 'in', 'credentials'], ['2', 'out', 'no_connection'], ['3', 'in', 'credentials']])
    for (const way of [en.security.mail_in_do, en.security.mail_out_do]) expect(Object.keys(way).filter((one) => !(one in en.mail.account))).toEqual([])
  })
  it('moves the focus to the next row, else to the one before', () => {
    const bans = ['a', 'b', 'c'].map(ban)
    expect(['a', 'b', 'c'].map((one) => neighbour(bans, one))).toEqual(['b', 'c', 'b'])
    expect(neighbour([ban('a')], 'a')).toBeNull()
  })
})
