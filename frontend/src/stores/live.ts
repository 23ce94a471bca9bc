/** The live documents of this tab over one connection. */
import { defineStore } from 'pinia'
import { reactive, ref, shallowReactive } from 'vue'
import { LiveConnection, type LiveState, type Socket } from '@/live/connection'
import { after } from '@/live/awake'
import { useClock } from './clock'
import { useSession } from './session'

function openSocket(): Socket {
  const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
  return new WebSocket(`${scheme}//${location.host}/api/v1/live`, 'yitong.live.v1') as unknown as Socket
}

const BACK_MS = 3000

export const useLive = defineStore('live', () => {
  const state = ref<LiveState>('closed')
  const lag = ref<number | null>(null)
  const takenOver = ref(false)
  const lostSince = ref<number | null>(null)
  const back = ref(false)
  let forget: (() => void) | null = null
  const documents = shallowReactive<Record<string, unknown>>({})
  const refused = reactive<Record<string, string>>({})
  const stale = reactive<Record<string, boolean>>({})
  const followed = new Set<string>()
  let connection: LiveConnection | null = null

  const hears = {
    state(value: LiveState) {
      if (value === 'lost' && lostSince.value === null) lostSince.value = Date.now()
      if (value === 'open' && lostSince.value !== null) sayBack()
      if (value === 'open' || value === 'closed') lostSince.value = null
      if (value !== 'open') back.value = false
      state.value = value
    },
    data: (topic: string, data: unknown) => void (documents[topic] = data),
    stale: (topic: string, is: boolean) => void (stale[topic] = is),
    takenOver: () => void (takenOver.value = true),
    refused: (topic: string, code: string) => void (refused[topic] = code),
    ended: (reason: string) => void (reason === 'locked' ? useSession().load() : useSession().forget(reason || 'ended')),
    lag(milliseconds: number, ahead: number | null) {
      lag.value = milliseconds
      if (ahead !== null) useClock().set(ahead)
    },
  }

  /** For a moment after a loss, so that a short one can be read too. */
  function sayBack(): void {
    back.value = true
    forget?.()
    forget = after(BACK_MS, () => void (back.value = false))
  }

  function follow(topic: string): void {
    followed.add(topic)
    if (connection === null) {
      connection = new LiveConnection(openSocket, () => useSession().token ?? '', { now: () => Date.now(), random: Math.random, after }, hears)
      connection.follow(topic)
      connection.start()
    } else {
      connection.follow(topic)
    }
  }

  function stop(): void {
    connection?.stop()
    connection = null
    followed.clear()
    takenOver.value = false
    for (const topic of Object.keys(documents)) delete documents[topic]
    for (const topic of Object.keys(stale)) delete stale[topic]
    for (const topic of Object.keys(refused)) delete refused[topic]
  }

  /** After a take-over: this page becomes the desk again. */
  function takeBack(): void {
    const topics = [...followed]
    connection?.stop()
    connection = null
    takenOver.value = false
    topics.forEach(follow)
  }

  window.addEventListener('online', () => connection?.retryNow())
  return { state, lag, lostSince, back, takenOver, documents, stale, refused, follow, stop, takeBack, retryNow: () => connection?.retryNow() }
})
