import { describe, expect, it } from 'vitest'
import { outcomeOf, whyNot } from '@/calls/outcomes'

const ended = { ended_at: '2026-01-01T00:00:00Z' }

describe('what became of a contact', () => {
  it('tells a number that was not reached from a caller who gave up', () => {
    expect(outcomeOf({ ...ended, answered: false, outcome: 'abandoned' })).toBe('abandoned')
    expect(outcomeOf({ ...ended, answered: false, outcome: 'not_reached' })).toBe('not_reached')
    expect(outcomeOf({ ...ended, answered: true, outcome: 'answered' })).toBe('answered')
    expect(outcomeOf({ ended_at: null, answered: false, outcome: 'in_flow' })).toBe('running')
  })
  it('says that a machine answered, which is nobody to talk to', () => {
    expect(outcomeOf({ ...ended, answered: true, outcome: 'machine' })).toBe('not_reached')
    expect(whyNot({ outcome: 'machine', cause: 'normal' })).toEqual(['answerer', 'machine'])
  })
  it('says why nobody was reached', () => {
    expect(whyNot({ outcome: 'not_reached', cause: 'busy' })).toEqual(['cause.cause', 'busy'])
    expect(whyNot({ outcome: 'not_reached', cause: '' })).toEqual(['cause.cause', 'unreachable'])
  })
})
