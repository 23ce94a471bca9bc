import { describe, expect, it } from 'vitest'
import { daysBack, rangeOf, shifted } from '@/period'
import { barOf, shareText } from '@/work/work'

describe('an agent’s time', () => {
  it('is shown as shares of the time logged in', () => {
    expect(barOf({ login_seconds: 100, busy_seconds: 50, working_after_call_seconds: 20, ready_seconds: 25, not_ready_seconds: 5 }).map((one) => one.share)).toEqual([50, 20, 25, 5])
    expect(barOf({ login_seconds: 0, busy_seconds: 0, working_after_call_seconds: 0, ready_seconds: 0, not_ready_seconds: 0 })).toEqual([])
    expect([0.8506, null].map(shareText)).toEqual(['85.1%', '–'])
  })
})

describe('days', () => {
  it('are those of the site', () => {
    const evening = Date.parse('2026-11-22T17:00:00Z') // already the 23rd in Shanghai
    expect(daysBack(1, 'Asia/Shanghai', evening)).toEqual(['2026-11-23', '2026-11-23'])
    expect(daysBack(30, 'UTC', evening)).toEqual(['2026-10-24', '2026-11-22'])
    expect(shifted('2026-03-01', -1)).toBe('2026-02-28')
    expect(rangeOf(['2026-11-23', '2026-11-23'], 'Asia/Shanghai')).toEqual({ from: '2026-11-22T16:00:00.000Z', to: '2026-11-23T16:00:00.000Z' })
  })
})
