/**
 * The WebSocket behind the live documents: hello with resume points, snapshots, changes, gap → asked anew, ping every 5 s, reconnect
 * with a growing, random pause. The socket, the timers and chance come from outside, so that a test can play both.
 */
import { applyChanges, follows, type Change, type Held, type Resume } from './document'
import { pauseBefore } from './pause'

export type LiveState = 'connecting' | 'open' | 'lost' | 'closed'

export interface Socket {
  send(text: string): void
  close(code?: number): void
  onopen: (() => void) | null
  onmessage: ((event: { data: string }) => void) | null
  onclose: ((event: { code: number }) => void) | null
}

export interface Timers {
  now(): number
  /** 0 to 1, by chance. */
  random(): number
  after(milliseconds: number, act: () => void): () => void
}

export interface Hears {
  state(state: LiveState): void
  data(topic: string, data: unknown): void
  stale(topic: string, stale: boolean): void
  takenOver(): void
  ended(reason: string): void
  /** There is no such document for this user. */
  refused(topic: string, code: string): void
  /** Round trip in ms, and how far the server's clock is ahead of ours in ms (null: the server did not say). */
  lag(milliseconds: number, ahead: number | null): void
}

interface ServerMessage {
  type: string
  topic?: string
  epoch?: number
  seq?: number
  data?: unknown
  changes?: Change[]
  stale?: boolean
  reason?: string
  code?: string
  now?: number
}

export const PING_MS = 5000
/** Without an answer for this long the connection is taken for dead (half-open sockets, N6). */
export const SILENCE_MS = 12000
/** An attempt that is neither open nor refused by then is given up: the server takes connections and answers none. */
export const OPENING_MS = 8000

export class LiveConnection {
  private socket: Socket | null = null
  private readonly topics = new Map<string, Held | null>()
  private attempts = 0
  private closed = false
  private pingAt = 0
  private heardAt = 0
  private cancelPing: (() => void) | null = null
  private cancelRetry: (() => void) | null = null

  constructor(
    private readonly open: () => Socket,
    private readonly token: () => string,
    private readonly timers: Timers,
    private readonly hears: Hears,
  ) {}

  /** Follow `topic`; safe to repeat. */
  follow(topic: string): void {
    if (this.topics.has(topic)) return
    this.topics.set(topic, null)
    this.hello([topic])
  }

  forget(topic: string): void {
    this.topics.delete(topic)
  }

  start(): void {
    this.closed = false
    this.connect()
  }

  stop(): void {
    this.closed = true
    this.drop()
    this.hears.state('closed')
  }

  /** The user or the browser says that the network is back: no waiting. */
  retryNow(): void {
    if (this.closed || this.socket !== null) return
    this.cancelRetry?.()
    this.connect()
  }

  private connect(): void {
    this.hears.state(this.attempts === 0 ? 'connecting' : 'lost')
    const socket = this.open()
    this.socket = socket
    socket.onopen = () => this.opened(socket)
    socket.onmessage = (event) => this.socket === socket && this.heard(JSON.parse(event.data) as ServerMessage)
    socket.onclose = () => this.socket === socket && this.lost()
    this.cancelRetry?.()
    this.cancelRetry = this.timers.after(OPENING_MS, () => this.socket === socket && this.lost())
  }

  private opened(socket: Socket): void {
    if (this.socket !== socket) return
    this.cancelRetry?.()
    this.attempts = 0
    this.heardAt = this.timers.now()
    this.hello([...this.topics.keys()])
    this.hears.state('open')
    this.ping()
  }

  private hello(topics: string[]): void {
    if (this.socket === null || topics.length === 0) return
    const points: Record<string, Resume | null> = {}
    for (const topic of topics) {
      const held = this.topics.get(topic) ?? null
      points[topic] = held && { epoch: held.epoch, seq: held.seq }
    }
    this.send({ type: 'hello', token: this.token(), topics: points })
  }

  private send(message: object): void {
    try {
      this.socket?.send(JSON.stringify(message))
    } catch {
      // not open yet: the hello follows when it is
    }
  }

  private heard(message: ServerMessage): void {
    this.heardAt = this.timers.now()
    switch (message.type) {
      case 'pong':
        return this.ponged(message)
      case 'snapshot':
        return this.keep(message.topic!, { epoch: message.epoch!, seq: message.seq!, data: message.data })
      case 'change':
        return this.changed(message.topic!, { epoch: message.epoch!, seq: message.seq!, changes: message.changes! })
      case 'stale':
        return this.hears.stale(message.topic!, message.stale === true)
      case 'refused':
        return this.hears.refused(message.topic!, message.code ?? '')
      case 'taken_over':
        this.stop()
        return this.hears.takenOver()
      case 'ended':
        this.stop()
        return this.hears.ended(message.reason ?? '')
    }
  }

  private ponged(message: ServerMessage): void {
    const trip = this.timers.now() - this.pingAt
    const ahead = message.now === undefined ? null : message.now / 1000 + trip / 2 - this.timers.now()
    this.hears.lag(trip, ahead)
  }

  private keep(topic: string, held: Held): void {
    if (!this.topics.has(topic)) return
    this.topics.set(topic, held)
    this.hears.data(topic, held.data)
  }

  private changed(topic: string, message: { epoch: number; seq: number; changes: Change[] }): void {
    const held = this.topics.get(topic)
    if (held === undefined) return
    const place = follows(held, message)
    if (place === 'old') return
    if (place === 'gap') {
      if (held !== null) {
        this.topics.set(topic, null)
        this.hello([topic])
      }
      return
    }
    this.keep(topic, { epoch: message.epoch, seq: message.seq, data: applyChanges(held!.data, message.changes) })
  }

  private ping(): void {
    this.cancelPing?.()
    this.pingAt = this.timers.now()
    this.send({ type: 'ping' })
    this.cancelPing = this.timers.after(PING_MS, () => {
      if (this.timers.now() - this.heardAt > SILENCE_MS) this.lost()
      else this.ping()
    })
  }

  private drop(): void {
    this.cancelPing?.()
    this.cancelRetry?.()
    const socket = this.socket
    this.socket = null
    if (socket) {
      socket.onclose = null
      socket.onmessage = null
      socket.close(1000)
    }
  }

  private lost(): void {
    this.drop()
    if (this.closed) return
    this.hears.state('lost')
    const wait = pauseBefore(this.attempts, this.timers.random())
    this.attempts += 1
    this.cancelRetry = this.timers.after(wait, () => this.connect())
  }
}
