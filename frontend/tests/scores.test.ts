import { describe, expect, it } from 'vitest'
import { choices, inOrder, marksFor, opened, percentText, unmarked, type Criterion, type Listed } from '@/assessments/scores'

const criteria: Criterion[] = [
  { key: 'polite', name: 'Polite', kind: 'points', weight: 30, points: 3 },
  { key: 'secret', name: 'Secret', kind: 'knock_out', weight: 1, points: 5 },
]

describe('marks', () => {
  it('are there for every criterion, in the order of the sheet', () => {
    const marks = marksFor(criteria, [{ key: 'secret', value: 1, skipped: false, note: 'x' }, { key: 'gone', value: 1, skipped: false, note: '' }])
    expect(marks.map((mark) => [mark.key, mark.value, mark.note])).toEqual([['polite', null, ''], ['secret', 1, 'x']])
    expect(unmarked(marks)).toBe(1)
    expect(unmarked(marks.map((mark) => ({ ...mark, skipped: true })))).toBe(0)
  })

  it('can be chosen up to the best one', () => {
    expect(criteria.map(choices)).toEqual([[0, 1, 2, 3], [0, 1]])
  })

  it('come to a score with no more digits than it has', () => {
    expect([78.5, 100, 66.67, 0, null].map(percentText)).toEqual(['78.5%', '100%', '66.67%', '0%', '–'])
  })

  it('have comments in the order of the recording', () => {
    expect(inOrder([{ at_ms: 9, text: 'b' }, { at_ms: 1, text: 'a' }]).map((one) => one.text)).toEqual(['a', 'b'])
  })
})

describe('a list of assessments', () => {
  it('keeps one that was opened where it is, read', () => {
    const list = ['a', 'b', 'c'].map((id) => ({ id, unread: true }) as Listed)
    expect(opened(list, 'b').map((one) => [one.id, one.unread])).toEqual([['a', true], ['b', false], ['c', true]])
    expect(list[1]!.unread).toBe(true)
  })
})
