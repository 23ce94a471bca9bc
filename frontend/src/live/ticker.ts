/** A worker that counts time: browsers slow the timers of hidden pages down to one a minute, but not those of a worker. */

interface Wish { id: number; milliseconds: number | null }

const running = new Map<number, ReturnType<typeof setTimeout>>()

self.onmessage = (event: MessageEvent<Wish>) => {
  const { id, milliseconds } = event.data
  clearTimeout(running.get(id))
  running.delete(id)
  if (milliseconds === null) return
  running.set(
    id,
    setTimeout(() => {
      running.delete(id)
      self.postMessage(id)
    }, milliseconds),
  )
}
