// @vitest-environment happy-dom
import { beforeEach, describe, expect, it } from 'vitest'
import { LiveConnection, OPENING_MS, type LiveState, type Socket } from '@/live/connection'
import { pauseBefore } from '@/live/pause'

class PlayedSocket implements Socket {
  sent: { type: string; token?: string; topics?: Record<string, unknown> }[] = []
  closed = false
  onopen: (() => void) | null = null
  onmessage: ((event: { data: string }) => void) | null = null
  onclose: ((event: { code: number }) => void) | null = null
  send(text: string): void {
    this.sent.push(JSON.parse(text) as PlayedSocket['sent'][number])
  }
  close(): void {
    this.closed = true
  }
  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) })
  }
  hellos() {
    return this.sent.filter((message) => message.type === 'hello').map((message) => message.topics)
  }
}

class Clock {
  at = 0
  chance = 1
  random = () => this.chance
  private due: { at: number; act: () => void }[] = []
  now = () => this.at
  after = (milliseconds: number, act: () => void) => {
    const entry = { at: this.at + milliseconds, act }
    this.due.push(entry)
    return () => void (this.due = this.due.filter((one) => one !== entry))
  }
  advance(milliseconds: number): void {
    const end = this.at + milliseconds
    for (;;) {
      const next = this.due.filter((one) => one.at <= end).sort((a, b) => a.at - b.at)[0]
      if (!next) break
      this.due = this.due.filter((one) => one !== next)
      this.at = next.at
      next.act()
    }
    this.at = end
  }
}

let sockets: PlayedSocket[]
let clock: Clock
let seen: { states: LiveState[]; data: unknown[]; stale: boolean[]; taken: number; ended: string[]; lag: [number, number | null][] }
let live: LiveConnection
const last = () => sockets[sockets.length - 1]!

beforeEach(() => {
  sockets = []
  clock = new Clock()
  seen = { states: [], data: [], stale: [], taken: 0, ended: [], lag: [] }
  live = new LiveConnection(
    () => {
      const socket = new PlayedSocket()
      sockets.push(socket)
      return socket
    },
    () => 'secret',
    clock,
    {
      state: (state) => seen.states.push(state),
      data: (_, data) => seen.data.push(data),
      stale: (_, stale) => seen.stale.push(stale),
      takenOver: () => (seen.taken += 1),
      ended: (reason) => seen.ended.push(reason),
      refused: (topic, code) => seen.ended.push(`${topic} ${code}`),
      lag: (trip, ahead) => seen.lag.push([trip, ahead]),
    },
  )
  live.follow('desk')
  live.start()
  last().onopen?.()
})

describe('the live connection', () => {
  it('says hello, takes the snapshot, applies what follows', () => {
    expect(last().sent[0]).toEqual({ type: 'hello', token: 'secret', topics: { desk: null } })
    last().say({ type: 'snapshot', topic: 'desk', epoch: 1, seq: 7, data: { n: 1 } })
    last().say({ type: 'change', topic: 'desk', epoch: 1, seq: 8, changes: [['set', ['n'], 2]] })
    expect(seen.data).toEqual([{ n: 1 }, { n: 2 }])
  })

  it('leaves doubled changes out', () => {
    last().say({ type: 'snapshot', topic: 'desk', epoch: 1, seq: 7, data: { n: 1 } })
    const change = { type: 'change', topic: 'desk', epoch: 1, seq: 8, changes: [['set', ['n'], 2]] }
    last().say(change)
    last().say(change)
    expect(seen.data).toHaveLength(2)
  })

  it('asks for a snapshot, once, when something is missing', () => {
    last().say({ type: 'snapshot', topic: 'desk', epoch: 1, seq: 7, data: {} })
    last().say({ type: 'change', topic: 'desk', epoch: 1, seq: 9, changes: [] })
    last().say({ type: 'change', topic: 'desk', epoch: 1, seq: 10, changes: [] })
    expect(last().hellos()).toEqual([{ desk: null }, { desk: null }])
    last().say({ type: 'snapshot', topic: 'desk', epoch: 1, seq: 10, data: { n: 5 } })
    expect(seen.data).toEqual([{}, { n: 5 }])
  })

  it('comes back after a loss, waiting longer each time, and resumes where it was', () => {
    last().say({ type: 'snapshot', topic: 'desk', epoch: 4, seq: 120, data: {} })
    last().onclose?.({ code: 1006 })
    clock.advance(500)
    expect(sockets).toHaveLength(2)
    last().onclose?.({ code: 1006 })
    clock.advance(900)
    expect(sockets).toHaveLength(2)
    clock.advance(100)
    expect(sockets).toHaveLength(3)
    last().onopen?.()
    expect(last().hellos()).toEqual([{ desk: { epoch: 4, seq: 120 } }])
    expect(seen.states.at(-1)).toBe('open')
  })

  it('pings every five seconds and takes silence for a dead line', () => {
    clock.advance(5000)
    expect(last().sent.filter((message) => message.type === 'ping')).toHaveLength(2)
    clock.advance(10_000)
    expect(last().closed || sockets.length > 1).toBe(true)
  })

  it('measures the lag and the difference of the clocks', () => {
    clock.at += 40
    last().say({ type: 'pong', now: (clock.at + 1000 - 20) * 1000 })
    expect(seen.lag).toEqual([[40, 1000]])
  })

  it('stops when another page takes over, and does not come back by itself', () => {
    last().say({ type: 'taken_over' })
    clock.advance(60_000)
    expect(seen.taken).toBe(1)
    expect(sockets).toHaveLength(1)
    expect(last().closed).toBe(true)
  })

  it('stops when the session ended', () => {
    last().say({ type: 'ended', reason: 'password_changed' })
    expect(seen.ended).toEqual(['password_changed'])
    clock.advance(60_000)
    expect(sockets).toHaveLength(1)
  })

  it('follows a second topic without asking again for the first', () => {
    last().say({ type: 'snapshot', topic: 'desk', epoch: 1, seq: 1, data: {} })
    live.follow('board')
    expect(last().hellos()).toEqual([{ desk: null }, { board: null }])
  })

  it('tells that there is no such document for this user', () => {
    last().say({ type: 'refused', topic: 'desk', code: 'no_agent' })
    expect(seen.ended).toEqual(['desk no_agent'])
  })

  it('tells that core is away', () => {
    last().say({ type: 'stale', topic: 'desk', stale: true })
    expect(seen.stale).toEqual([true])
  })
})

describe('the way back after a loss', () => {
  it('begins within half a second and spreads the attempts by chance', () => {
    expect(pauseBefore(0, 1)).toBe(500)
    for (let attempt = 0; attempt < 40; attempt += 1) {
      const pauses = Array.from({ length: 200 }, () => pauseBefore(attempt, Math.random()))
      expect(Math.max(...pauses)).toBeLessThanOrEqual(Math.min(500 * 2 ** attempt, 4000))
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(50)
      expect(new Set(pauses).size).toBeGreaterThan(50)
    }
  })

  it('gives up an attempt that nobody answers', () => {
    last().onclose?.({ code: 1006 })
    clock.advance(500)
    expect(sockets).toHaveLength(2)
    clock.advance(OPENING_MS)
    expect(sockets[1]!.closed).toBe(true)
    clock.advance(1000)
    expect(sockets).toHaveLength(3)
    last().onopen?.()
    expect(seen.states.at(-1)).toBe('open')
    clock.advance(OPENING_MS)
    expect(sockets).toHaveLength(3)
  })
})
