/** What an agent does about the recording of his own talk: nothing of card data, and on demand. */
import { computed } from 'vue'
import type { Assignment, Recorded } from '@/api/types'
import { useDesk } from '@/stores/desk'
import { useSession } from '@/stores/session'

export interface MayRecord { pause: boolean; resume: boolean; start: boolean; stop: boolean }

/** What may be asked now, by what is recorded and by right. Pure. */
export function mayRecord(it: Assignment | null, can: (right: string) => boolean): MayRecord {
  const recorded: Recorded | null = it?.recorded ?? null
  const own = it !== null && !it.helps && (it.state === 'active' || it.state === 'held') && recorded !== null
  const pause = recorded?.pause ?? null
  const demand = recorded?.demand ?? null
  return {
    pause: own && can('recordings.pause') && pause === null && it.recording && recorded.pause_seconds > 0,
    resume: own && can('recordings.pause') && pause !== null && pause.by !== 'step',
    start: own && can('recordings.start') && demand === null && recorded.mode !== 'none',
    stop: own && can('recordings.start') && demand !== null && demand.own,
  }
}

export function useTaking() {
  const desk = useDesk()
  const session = useSession()
  const may = computed(() => mayRecord(desk.current, session.can))
  const ask = (verb: string, body?: unknown) => {
    const id = desk.current?.id
    return desk.act('POST', `/me/assignments/${id}/recording/${verb}`, body)
  }
  /** Each answers whether there was anything to do. */
  const togglePause = (): boolean => (may.value.pause ? (void ask('pause', {}), true) : may.value.resume ? (void ask('resume'), true) : false)
  const toggleDemand = (): boolean => (may.value.start ? (void ask('start', {}), true) : may.value.stop ? (void ask('stop'), true) : false)
  return { may, togglePause, toggleDemand }
}
