/** Timers that also keep time while the page is hidden (D7): the desk must go on pinging and registering. */

let worker: Worker | null = null
let next = 1
const acts = new Map<number, () => void>()

function started(): Worker | null {
  if (worker !== null || typeof Worker === 'undefined') return worker
  worker = new Worker(new URL('./ticker.ts', import.meta.url), { type: 'module' })
  worker.onmessage = (event: MessageEvent<number>) => {
    const act = acts.get(event.data)
    acts.delete(event.data)
    act?.()
  }
  return worker
}

/** Call `act` once in `milliseconds`; the answer cancels it. */
export function after(milliseconds: number, act: () => void): () => void {
  const ticker = started()
  if (ticker === null) {
    const timer = setTimeout(act, milliseconds)
    return () => clearTimeout(timer)
  }
  const id = next++
  acts.set(id, act)
  ticker.postMessage({ id, milliseconds })
  return () => {
    acts.delete(id)
    ticker.postMessage({ id, milliseconds: null })
  }
}
