// @vitest-environment happy-dom
import { describe, expect, it } from 'vitest'
import type { Assignment, Recorded } from '@/api/types'
import { mayTake } from '@/board/supervise'
import { mayRecord } from '@/desk/taking'

const talk = (recorded: Partial<Recorded> | null, more: Partial<Assignment> = {}) =>
  ({ state: 'active', recording: true, helps: null, recorded: recorded && { mode: 'all', pause_seconds: 60, pause: null, demand: null, ...recorded }, ...more }) as Assignment
const all = () => true
const pause = { by: 'agent', since: 0, until: 1, on: true } as const
const demand = { own: true, since: 0, until: null }

describe('what may be done about the recording of a talk', () => {
  it('is a pause where something is recorded and the queue allows it', () => {
    expect(mayRecord(talk({}), all)).toEqual({ pause: true, resume: false, start: true, stop: false })
    expect(mayRecord(talk({ pause_seconds: 0 }), all).pause).toBe(false)
    expect(mayRecord(talk({}, { recording: false }), all).pause).toBe(false)
  })

  it('is the end of a pause, unless a flow paused', () => {
    expect(mayRecord(talk({ pause }), all)).toMatchObject({ pause: false, resume: true })
    expect(mayRecord(talk({ pause: { ...pause, by: 'step' } }), all).resume).toBe(false)
  })

  it('is a recording on demand, its end only for whoever began it', () => {
    expect(mayRecord(talk({ demand }), all)).toMatchObject({ start: false, stop: true })
    expect(mayRecord(talk({ demand: { ...demand, own: false } }), all)).toMatchObject({ start: false, stop: false })
    expect(mayRecord(talk({ mode: 'none' }), all).start).toBe(false)
  })

  it('is nothing without a right, without a talk, or at the talk of another', () => {
    const nothing = { pause: false, resume: false, start: false, stop: false }
    expect(mayRecord(talk({}), () => false)).toEqual(nothing)
    expect(mayRecord(null, all)).toEqual(nothing)
    expect(mayRecord(talk(null), all)).toEqual(nothing)
    expect(mayRecord(talk({}, { state: 'wrapping_up' }), all)).toEqual(nothing)
    expect(mayRecord(talk({}, { helps: { id: 'x', extension: '1', name: '', team: null } }), all)).toEqual(nothing)
  })
})

describe('what a supervisor may do about it on the board', () => {
  const board = { rule: true, mode: 'all', running: true, paused: false, pause: null, pause_seconds: 60, demand: null } as const
  const paused = (by: 'agent' | 'supervisor' | 'step') => ({ recorded: { ...board, paused: true, pause: { by, until: 9 } } })

  it('is a recording of his own, and a pause', () => {
    expect(mayTake({ recorded: board }, true, true)).toEqual({ start: true, end: false, pause: true, resume: false })
    expect(mayTake({ recorded: { ...board, demand: { by: null, since: 0, until: null } } }, true, true)).toMatchObject({ start: false, end: true })
    expect(mayTake({ recorded: { ...board, pause_seconds: 0 } }, true, true).pause).toBe(false)
    expect(mayTake({ recorded: board }, false, false)).toEqual({ start: false, end: false, pause: false, resume: false })
    expect(mayTake({ recorded: null }, true, true)).toEqual({ start: false, end: false, pause: false, resume: false })
  })

  it('is the end of his own pause alone: an agent or a flow says by itself when it goes on', () => {
    expect(mayTake(paused('supervisor'), true, true)).toEqual({ start: false, end: false, pause: false, resume: true })
    for (const by of ['agent', 'step'] as const) expect(mayTake(paused(by), true, true)).toEqual({ start: false, end: false, pause: false, resume: false })
  })
})
