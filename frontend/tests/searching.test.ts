import { describe, expect, it } from 'vitest'
import { moreOf, nothing, parametersOf, secondsOf, tagsOf } from '@/calls/searching'

describe('what the calls page searches by', () => {
  it('reads minutes of talk in the ways people write them', () => {
    expect(['3', '2.5', '2,5', '1:30', ' 0 '].map(secondsOf)).toEqual(['180', '150', '150', '90', '0'])
    expect(['', 'x', '-1', '1:75', '3 min'].map(secondsOf)).toEqual(['', '', '', '', ''])
  })

  it('asks for nothing that nobody wants', () => {
    expect(Object.values(parametersOf(nothing())).join('')).toBe('')
    expect(moreOf(nothing())).toBe(0)
    const search = { ...nothing(), number: ' 139 ', shortest: '2', survey: '3', tag: 'refund' }
    expect(parametersOf(search)).toMatchObject({ number: '139', talk_from: '120', talk_to: '', survey: '3', tag: 'refund' })
    expect(moreOf(search)).toBe(3)
  })

  it('takes tags apart at commas of either kind, each once', () => {
    expect(tagsOf('退款，投诉, 退款 ,, vip')).toEqual(['退款', '投诉', 'vip'])
    expect(tagsOf(Array.from({ length: 30 }, (_, i) => `t${i}`).join(','))).toHaveLength(20)
  })
})
