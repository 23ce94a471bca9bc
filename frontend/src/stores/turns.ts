/** What a person asks for goes one after the other, as he asked. */
import { ref } from 'vue'

export function useTurns() {
  const waiting = ref(0)
  let latest = ''
  let line: Promise<unknown> = Promise.resolve()

  /** Ask after all that was asked before it is answered; null for the same once more meanwhile (a double click), which is not asked. */
  async function inTurn<T>(what: string, ask: () => Promise<T>): Promise<T | null> {
    if (waiting.value > 0 && what === latest) return null
    latest = what
    waiting.value++
    const mine = line.then(ask)
    line = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      waiting.value--
    }
  }

  return { waiting, inTurn }
}
