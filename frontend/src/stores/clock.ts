/** One ticking clock for every running timer on the page, set to the server's time. */
import { defineStore } from 'pinia'
import { ref } from 'vue'

export const useClock = defineStore('clock', () => {
  const ahead = ref(0)
  const now = ref(Date.now())
  const tick = () => {
    now.value = Date.now() + ahead.value
  }
  setInterval(tick, 500)

  /** The server's clock is `milliseconds` ahead of ours. Small wobble is left alone, so that timers do not jump. */
  function set(milliseconds: number): void {
    if (Math.abs(milliseconds - ahead.value) > 400) {
      ahead.value = milliseconds
      tick()
    }
  }

  /** Seconds since UTC microseconds `at`. */
  const since = (at: number | null | undefined) => (at ? Math.max(0, (now.value - at / 1000) / 1000) : 0)
  /** Seconds until UTC microseconds `at`. */
  const until = (at: number | null | undefined) => (at ? Math.max(0, (at / 1000 - now.value) / 1000) : 0)
  return { now, set, since, until }
})
