/** What a supervisor does to the agents of the board: listen, whisper, join, take over, release, change a duty. */
import { computed, ref } from 'vue'
import { call, Problem, sentence } from '@/api/client'
import type { BoardAgent, Duty, Participation } from '@/api/types'
import { useWords } from '@/i18n'
import { useDesk } from '@/stores/desk'

export const WAYS: Participation[] = ['silent', 'whisper', 'active']
const TELEPHONE_MS = 6000
const STEP_MS = 100
const TOLD_MS = 8000

export interface MayTake { start: boolean; end: boolean; pause: boolean; resume: boolean }

/** What a supervisor may do about the recording of an agent's talk. Whoever paused it says when it goes on: an agent, or a flow. Pure. */
export function mayTake(agent: Pick<BoardAgent, 'recorded'>, record: boolean, pause: boolean): MayTake {
  const recorded = agent.recorded ?? null
  const paused = Boolean(recorded?.paused)
  return {
    start: record && recorded !== null && !paused && !recorded.demand && recorded.mode !== 'none',
    end: record && Boolean(recorded?.demand),
    pause: pause && recorded !== null && !paused && recorded.running && recorded.pause_seconds > 0,
    resume: pause && paused && recorded?.pause?.by === 'supervisor',
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds))

/** Ask to take part. The page knows of its own telephone a moment before the server does: for that long it asks again. */
export async function takePart(agent: string, participation: Participation, wait = pause): Promise<void> {
  for (let waited = 0; ; waited += STEP_MS) {
    try {
      await call('POST', `/agents/${agent}/supervise`, { body: { participation } })
      return
    } catch (failure) {
      if (!(failure instanceof Problem) || failure.code !== 'no_telephone' || waited >= TOLD_MS) throw failure
    }
    await wait(STEP_MS)
  }
}

export function useSupervision() {
  const { t, nameOf } = useWords()
  const desk = useDesk()
  const error = ref('')
  const note = ref('')
  const busy = ref(false)
  /** The supervisor's own part in a talk, as his desk has it. */
  const mine = computed(() => desk.assignments.find((one) => one.supervision) ?? null)

  async function act(what: () => Promise<unknown>): Promise<void> {
    if (busy.value) return
    busy.value = true
    error.value = ''
    try {
      await what()
    } catch (failure) {
      error.value = sentence(failure)
    } finally {
      busy.value = false
      note.value = ''
    }
  }

  /** The telephone of this page, unless a desk phone is there; from a click, since the browser asks for the microphone. */
  async function telephone(): Promise<boolean> {
    const there = () => desk.deskPhone || desk.registration === 'registered'
    note.value = t('supervise.telephone')
    await desk.open()
    if (there()) return true
    if (desk.phoneMode !== 'on') await desk.startPhone()
    for (let waited = 0; waited < TELEPHONE_MS; waited += STEP_MS) {
      if (there()) return true
      await pause(STEP_MS)
    }
    return false
  }

  const begin = (agent: BoardAgent, participation: Participation) =>
    act(async () => {
      if (!(await telephone())) {
        error.value = t('supervise.no_telephone')
        return
      }
      note.value = t('supervise.begins', { who: nameOf(agent.name) })
      await takePart(agent.id, participation)
    })
  const change = (participation: Participation) =>
    act(async () => mine.value?.helps && call('POST', `/agents/${mine.value.helps.id}/supervise`, { body: { participation } }))
  const intercept = () => act(async () => mine.value && call('POST', `/me/assignments/${mine.value.id}/intercept`))
  const end = () => act(async () => mine.value && call('POST', `/me/assignments/${mine.value.id}/hang_up`))
  const release = (agent: BoardAgent) => act(() => call('POST', `/agents/${agent.id}/release`))
  const setState = (agent: BoardAgent, state: Duty) => act(() => call('PUT', `/agents/${agent.id}/state`, { body: { state } }))

  const unlock = (agent: BoardAgent) => act(() => call('POST', `/agents/${agent.id}/unlock`))

  const recording = (agent: string | undefined, verb: string, body?: unknown) => act(async () => agent && call('POST', `/agents/${agent}/recording/${verb}`, { body }))
  /** `seconds` 0: until somebody ends it, or the talk does. */
  const record = (agent: string | undefined, seconds: number) => recording(agent, 'start', { seconds })
  const endRecord = (agent: string | undefined) => recording(agent, 'stop')
  const pauseRecord = (agent: string, on: boolean) => recording(agent, on ? 'pause' : 'resume', on ? {} : undefined)

  return { record, endRecord, pauseRecord, mine, error, note, busy, begin, change, intercept, end, release, setState, unlock }
}
