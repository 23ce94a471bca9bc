/** Who is signed in. The token lives in this tab (sessionStorage): a reload keeps it, closing the tab ends it. */
import { defineStore } from 'pinia'
import { computed, ref } from 'vue'
import { call, get, Problem, sentence } from '@/api/client'
import type { Language, Me, Place } from '@/api/types'
import { setLanguage } from '@/i18n'
import { pauseBefore } from '@/live/pause'

const KEY = 'yitong.token'

function zoneOf(place: Place | string | null | undefined): string | undefined {
  return typeof place === 'object' && place !== null && place.zone ? place.zone : undefined
}

export const useSession = defineStore('session', () => {
  const token = ref<string | null>(sessionStorage.getItem(KEY))
  const me = ref<Me | null>(null)
  const endedReason = ref<string | null>(null)
  const trouble = ref('')

  const zone = computed(() => me.value?.zone ?? zoneOf(me.value?.site) ?? zoneOf(me.value?.tenant))
  const can = (right: string) => me.value?.rights.includes(right) ?? false

  async function signIn(username: string, password: string): Promise<void> {
    const answer = await call<{ token: string }>('POST', '/sessions', { body: { username, password } })
    token.value = answer.token
    sessionStorage.setItem(KEY, answer.token)
    endedReason.value = null
    await load()
  }

  /**
   * Who we are, as soon as the server says it; false when it no longer knows us. Until then `trouble` says why the page waits: a reload while
   * the server is away must not end at the login page.
   */
  async function restore(): Promise<boolean> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        await load()
        trouble.value = ''
        return true
      } catch (failure) {
        if (token.value === null || (failure instanceof Problem && failure.status >= 400 && failure.status < 500)) {
          trouble.value = ''
          return false
        }
        trouble.value = sentence(failure)
        await new Promise<void>((resolve) => void setTimeout(resolve, pauseBefore(attempt, Math.random())))
      }
    }
  }

  async function load(): Promise<void> {
    me.value = await get<Me>('/me')
  }

  /** Go away from the desk behind a lock; `password` is for this lock, beside one's own. */
  async function lock(reason: string, password: string): Promise<void> {
    await call('POST', '/me/lock', { body: { reason, password } })
    if (me.value) me.value = { ...me.value, locked: true }
  }

  async function unlock(password: string): Promise<void> {
    await call('POST', '/me/unlock', { body: { password } })
    await load()
  }

  function forget(reason: string | null = null): void {
    token.value = null
    me.value = null
    endedReason.value = reason
    sessionStorage.removeItem(KEY)
  }

  async function signOut(): Promise<void> {
    try {
      await call('DELETE', '/sessions/current')
    } finally {
      forget()
    }
  }

  async function speak(language: Language): Promise<void> {
    setLanguage(language)
    if (!me.value) return
    me.value.language = language
    await call('PATCH', '/me', { body: { language } }).catch(() => undefined) // remembered in the browser anyway
  }

  return { token, me, zone, endedReason, trouble, can, signIn, signOut, restore, load, forget, lock, unlock, speak }
})
