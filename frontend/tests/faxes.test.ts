import { describe, expect, it } from 'vitest'
import { alive, progress, tone, type Sending } from '@/faxes/faxes'

const sending = (counts: Partial<Sending['counts']>, ended: string | null = null): Sending => ({
  id: '1', name: 'x', pages: 1, station: '', lines: 1, tries: 1, spacing_seconds: 1, hours: [], state: 'running', made_at: '', made_by: null,
  ended_at: ended, next_at: null, number: null,
  counts: { total: 0, waiting: 0, dialling: 0, sent: 0, failed: 0, cancelled: 0, refused: 0, ...counts },
})

describe('a sending', () => {
  it('is as far as those are who can be called', () => {
    expect(progress(sending({ total: 10, refused: 2, sent: 3, failed: 1, waiting: 4 }))).toBe(50)
    expect(progress(sending({ total: 2, refused: 2 }))).toBe(100)
    expect(progress(sending({ total: 3, cancelled: 3 }))).toBe(100)
  })
  it('is followed until it has ended', () => {
    expect(alive(sending({}))).toBe(true)
    expect(alive(sending({}, '2026-01-01T00:00:00Z'))).toBe(false)
  })
  it('has a colour for every state', () => {
    for (const state of ['waiting', 'dialling', 'sent', 'failed', 'cancelled', 'refused', 'running', 'paused', 'done'] as const) expect(tone(state)).toBeTypeOf('string')
  })
})
