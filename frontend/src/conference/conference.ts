/** What a host does to the conferences of the page, and how members are shown. */
import { ref } from 'vue'
import { call, sentence } from '@/api/client'
import type { ConferenceMember, ConferenceRoom } from '@/api/types'

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
  const busy = ref(false)

  async function act(what: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    error.value = ''
    try {
      await what()
      return true
    } catch (failure) {
      error.value = sentence(failure)
      return false
    } finally {
      busy.value = false
    }
  }

  const at = (room: ConferenceRoom, act: string) => `/conferences/${room.conference}/${act}`
  return {
    error, busy, act,
    grant: (room: ConferenceRoom, one: ConferenceMember) => act(() => call('POST', at(room, 'grant'), { body: { member: one.id } })),
    refuse: (room: ConferenceRoom, one: ConferenceMember) => act(() => call('POST', at(room, 'refuse'), { body: { member: one.id } })),
    remove: (room: ConferenceRoom, one: ConferenceMember) => act(() => call('POST', at(room, 'remove'), { body: { member: one.id } })),
    speaking: (room: ConferenceRoom, one: ConferenceMember, on: boolean) => act(() => call('PUT', at(room, 'speaking'), { body: { member: one.id, on } })),
    mute: (room: ConferenceRoom, one: ConferenceMember, on: boolean) => act(() => call('PUT', at(room, 'mute'), { body: { member: one.id, on } })),
    muteAll: (room: ConferenceRoom, on: boolean) => act(() => call('PUT', at(room, 'mute'), { body: { on } })),
    lock: (room: ConferenceRoom, on: boolean) => act(() => call('PUT', at(room, 'lock'), { body: { on } })),
    record: (room: ConferenceRoom, on: boolean) => act(() => call('PUT', at(room, 'recording'), { body: { on } })),
    end: (room: ConferenceRoom) => act(() => call('POST', at(room, 'end'))),
    callIn: (room: ConferenceRoom, body: { number?: string; agent?: string; speaking: boolean; host?: boolean }) => act(() => call('POST', `/conference_rooms/${room.id}/calls`, { body })),
  }
}
