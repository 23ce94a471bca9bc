/** What a person asks for goes one after the other, as he asked. */
import { ref } from 'vue'

/** What waited longer for its turn (the network was away) is not what he wants any more. */
const STALE_MS = 5_000

export function useTurns() {
  const waiting = ref(0)
  let latest = ''
  let line: Promise<unknown> = Promise.resolve()

  /** Ask after all that was asked before is answered. Not asked, and null: the same once more meanwhile (a double click), what waited too long. */
  async function inTurn<T>(what: string, ask: () => Promise<T>): Promise<T | null> {
    if (waiting.value > 0 && what === latest) return null
    latest = what
    waiting.value++
    const since = Date.now()
    const mine = line.then(() => (Date.now() - since < STALE_MS ? ask() : null))
    line = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      waiting.value--
    }
  }

  return { waiting, inTurn }
}
