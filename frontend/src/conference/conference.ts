/** What a host does to the conferences of the page, and how members are shown. */
import { computed, ref } from 'vue'
import { call, sentence } from '@/api/client'
import type { ConferenceMember, ConferenceRoom } from '@/api/types'
import { useTurns } from '@/stores/turns'

/** Those who ask to speak first, the longest first; then hosts, speakers, listeners, and those who still come. */
export function inOrder(members: ConferenceMember[]): ConferenceMember[] {
  const rank = (one: ConferenceMember) => (one.asked_at ? 0 : one.state !== 'in' ? 4 : one.host ? 1 : one.speaking ? 2 : 3)
  return [...members].sort((a, b) => rank(a) - rank(b) || (a.asked_at ?? a.since) - (b.asked_at ?? b.since) || a.id.localeCompare(b.id))
}

/** What a member is at this moment, as a key in `conference.state`. */
export function stateOf(one: ConferenceMember): string {
  if (one.state !== 'in') return one.state
  if (one.asked_at) return 'asking'
  if (!one.speaking) return 'listener'
  if (!one.heard) return 'muted'
  return one.talking ? 'talking' : 'speaker'
}

export function useHosting() {
  const error = ref('')
  const { waiting, inTurn } = useTurns()

  async function act(what: string, ask: () => Promise<unknown>): Promise<boolean> {
    error.value = ''
    const failure = await inTurn(what, () => ask().then(() => '', sentence))
    error.value = failure || error.value
    return failure === ''
  }

  const ask = (method: string, where: string, body?: unknown) => act(JSON.stringify([method, where, body]), () => call(method, where, { body }))
  const at = (room: ConferenceRoom, act: string) => `/conferences/${room.conference}/${act}`
  return {
    error, busy: computed(() => waiting.value > 0), act,
    grant: (room: ConferenceRoom, one: ConferenceMember) => ask('POST', at(room, 'grant'), { member: one.id }),
    refuse: (room: ConferenceRoom, one: ConferenceMember) => ask('POST', at(room, 'refuse'), { member: one.id }),
    remove: (room: ConferenceRoom, one: ConferenceMember) => ask('POST', at(room, 'remove'), { member: one.id }),
    speaking: (room: ConferenceRoom, one: ConferenceMember, on: boolean) => ask('PUT', at(room, 'speaking'), { member: one.id, on }),
    mute: (room: ConferenceRoom, one: ConferenceMember, on: boolean) => ask('PUT', at(room, 'mute'), { member: one.id, on }),
    muteAll: (room: ConferenceRoom, on: boolean) => ask('PUT', at(room, 'mute'), { on }),
    lock: (room: ConferenceRoom, on: boolean) => ask('PUT', at(room, 'lock'), { on }),
    record: (room: ConferenceRoom, on: boolean) => ask('PUT', at(room, 'recording'), { on }),
    end: (room: ConferenceRoom) => ask('POST', at(room, 'end')),
    callIn: (room: ConferenceRoom, body: { number?: string; agent?: string; speaking: boolean; host?: boolean }) => ask('POST', `/conference_rooms/${room.id}/calls`, body),
  }
}
