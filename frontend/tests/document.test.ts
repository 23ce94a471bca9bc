// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest'
import { applyChange, applyChanges, follows, type Change } from '@/live/document'

/** A small seeded generator: a failing history can be played again. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

type Desk = { agent: Record<string, unknown>; assignments: Record<string, Record<string, unknown>>; calls: unknown[] }

/** One thing that happens on a server, done to `desk` in place, and told as changes. */
function happens(desk: Desk, random: () => number): Change[] {
  const id = `a${Math.floor(random() * 4)}`
  const pick = Math.floor(random() * 6)
  if (pick === 0) {
    desk.assignments[id] = { id, state: 'offered', keys: [] }
    return [['set', ['assignments', id], { id, state: 'offered', keys: [] }]]
  }
  if (pick === 1) {
    const known = id in desk.assignments
    delete desk.assignments[id]
    return known ? [['del', ['assignments', id]]] : []
  }
  if (pick === 2 && desk.assignments[id]) {
    desk.assignments[id].state = 'active'
    desk.assignments[id].customer = { name: '王' }
    return [['set', ['assignments', id, 'state'], 'active'], ['set', ['assignments', id, 'customer'], { name: '王' }]]
  }
  if (pick === 3) {
    const row = { contact: id, n: random() }
    desk.calls.unshift(row)
    return [['set', ['calls'], [...desk.calls]]]
  }
  if (pick === 4 && desk.calls.length > 0) {
    desk.calls.splice(0, 1)
    return [['del', ['calls', 0]]]
  }
  const since = Math.floor(random() * 1e6)
  desk.agent.since = since
  return [['set', ['agent', 'since'], since]]
}

describe('live documents', () => {
  it('equal a fresh snapshot after any history of changes', () => {
    for (let seed = 1; seed <= 300; seed += 1) {
      const random = generator(seed)
      const server: Desk = { agent: { since: 0 }, assignments: {}, calls: [] }
      let page: unknown = JSON.parse(JSON.stringify(server))
      for (let n = 0; n < 60; n += 1) page = applyChanges(page, JSON.parse(JSON.stringify(happens(server, random))) as Change[])
      expect(page, `seed ${seed}`).toEqual(server)
    }
  })

  it('leave the old value alone, and share what did not change', () => {
    const before = { a: { x: 1 }, b: { y: 2 } }
    const after = applyChange(before, ['set', ['a', 'x'], 5]) as typeof before
    expect(before.a.x).toBe(1)
    expect(after.a.x).toBe(5)
    expect(after.b).toBe(before.b)
  })

  it('take an empty path for the whole, build missing parts, and forgive deleting what is not there', () => {
    expect(applyChange({ a: 1 }, ['set', [], { b: 2 }])).toEqual({ b: 2 })
    expect(applyChange({}, ['set', ['q', 'x', 'n'], 1])).toEqual({ q: { x: { n: 1 } } })
    expect(applyChange({ a: 1 }, ['del', ['q', 'x']])).toEqual({ a: 1 })
  })

  it('tell the next change from an old one and from a gap', () => {
    const held = { epoch: 3, seq: 10, data: {} }
    expect(follows(held, { epoch: 3, seq: 11 })).toBe('next')
    expect(follows(held, { epoch: 3, seq: 10 })).toBe('old')
    expect(follows(held, { epoch: 3, seq: 12 })).toBe('gap')
    expect(follows(held, { epoch: 4, seq: 11 })).toBe('gap')
    expect(follows(null, { epoch: 3, seq: 11 })).toBe('gap')
  })
})
