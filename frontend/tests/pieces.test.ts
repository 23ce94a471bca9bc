// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest'
import { journeyLines, offsetText } from '@/calls/journey'
import { holdsOf, scaled, seekKey } from '@/calls/waveform'
import { parse, placeOf } from '@/settings/flowText'
import { at, bodyOf, differences, kindOf, withAt } from '@/settings/kinds'

describe('journey', () => {
  it('orders by offset, whichever way the offset is told', () => {
    const lines = journeyLines(
      [
        { id: 'c', type: 'contact.ended', at: '2026-11-22T01:00:09.500Z' },
        { id: 'a', type: 'contact.arrived', offset_ms: 0 },
        { id: 'b', type: 'flow.step_left', offset_seconds: 3.21, payload: { step: 'menu', keys: '0' } },
      ],
      '2026-11-22T01:00:00Z',
    )
    expect(lines.map((line) => [line.id, offsetText(line.offset), line.kind])).toEqual([['a', '+0:00.0', 'other'], ['b', '+0:03.2', 'flow'], ['c', '+0:09.5', 'end']])
    expect(lines[1]!.detail.keys).toBe('0')
  })

  it('calls a step by its name, and by its id where it has none', () => {
    const [named, plain] = journeyLines(
      [
        { id: 'a', type: 'flow.step_entered', offset_ms: 0, step_name: { 'zh-CN': '证件' }, payload: { step: 'digits' } },
        { id: 'b', type: 'flow.step_entered', offset_ms: 1, step_name: null, payload: { step: 'menu' } },
      ],
      '2026-11-22T01:00:00Z',
    )
    expect([named!.detail.step, plain!.detail.step]).toEqual([{ 'zh-CN': '证件' }, 'menu'])
  })
})

describe('waveform', () => {
  it('takes holds in both forms', () => {
    expect(holdsOf({ id: '', url: '', milliseconds: 9, holds: [[1, 2], { from_ms: 3, to_ms: 4 }] })).toEqual([[1, 2], [3, 4]])
  })
  it('scales samples and shares, and leaves silence flat', () => {
    expect(scaled([0, 16000, 8000])).toEqual([0, 1, 0.5])
    expect(scaled([0, 0.5, 1])).toEqual([0, 0.5, 1])
    expect(Math.max(...scaled([0, 3, 5]))).toBeLessThan(0.01)
  })
  it('seeks by keys within the recording', () => {
    expect([seekKey('ArrowRight', 8, 10), seekKey('ArrowLeft', 2, 10), seekKey('End', 0, 10), seekKey('x', 1, 10)]).toEqual([10, 0, 10, null])
  })
})

describe('flow text', () => {
  it('finds the line of a fault and the place of a step', () => {
    expect(parse('{"a": 1}').document).toEqual({ a: 1 })
    expect(parse('[1]').error).toBe('object')
    const bad = parse('{\n  "a": 1,\n  oops\n}')
    expect(bad.document).toBeNull()
    expect(bad.line).toBe(3)
    const text = '{"start": "menu", "steps": {"menu": {"kind": "menu"}}}'
    const place = placeOf(text, 'menu')!
    expect(text.slice(...place)).toBe('"menu": {')
    expect(placeOf(text, 'none')).toBeNull()
  })
})

describe('settings values', () => {
  it('read and write by path without touching the old value', () => {
    const before = { objective: { percent: 80 } }
    const after = withAt(before, 'objective.percent', 90)
    expect([at(before, 'objective.percent'), at(after, 'objective.percent'), at(before, 'a.b')]).toEqual([80, 90, undefined])
  })
  it('send nothing that the server owns, nor an empty password', () => {
    expect(bodyOf(kindOf('skills'), { id: '1', tenant: 't', version: 3, code: 'x', name: { 'zh-CN': '甲', en: ' ' } })).toEqual({ code: 'x', name: { 'zh-CN': '甲' } })
    expect(bodyOf(kindOf('users'), { username: 'u', agent: 'a', password: '' })).toEqual({ username: 'u' })
    expect(bodyOf(kindOf('users'), { username: 'u', password: 'secret' })).toEqual({ username: 'u', password: 'secret' })
  })
  it('name what differs', () => {
    expect(differences({ version: 1, a: [1], b: 2 }, { version: 2, a: [2], b: 2, c: 1 })).toEqual(['a', 'c'])
  })
})
