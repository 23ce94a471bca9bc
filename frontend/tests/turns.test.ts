import { describe, expect, it, vi } from 'vitest'
import { useTurns } from '@/stores/turns'

function slow() {
  const begun: string[] = []
  const ends = new Map<string, { done: (value: string) => void; failed: (why: Error) => void }>()
  const ask = (what: string) => () => {
    begun.push(what)
    return new Promise<string>((done, failed) => ends.set(what, { done, failed }))
  }
  return { begun, ends, ask }
}
const settled = () => new Promise((done) => setTimeout(done))

describe('what a person asks for', () => {
  it('goes in his order, the second when the first is answered', async () => {
    const { begun, ends, ask } = slow()
    const { waiting, inTurn } = useTurns()
    const first = inTurn('ready', ask('ready'))
    const second = inTurn('break', ask('break'))
    await settled()
    expect(begun).toEqual(['ready'])
    expect(waiting.value).toBe(2)
    ends.get('ready')!.done('one')
    await settled()
    expect(begun).toEqual(['ready', 'break'])
    ends.get('break')!.done('two')
    expect([await first, await second]).toEqual(['one', 'two'])
    expect(waiting.value).toBe(0)
  })

  it('is asked once by a double click, and again when it is answered', async () => {
    const { begun, ends, ask } = slow()
    const { inTurn } = useTurns()
    const first = inTurn('hold', ask('hold'))
    expect(await inTurn('hold', ask('hold'))).toBeNull()
    ends.get('hold')!.done('held')
    expect(await first).toBe('held')
    void inTurn('hold', ask('hold'))
    await settled()
    expect(begun).toEqual(['hold', 'hold'])
  })

  it('is not asked when it waited long, as while the network was away', async () => {
    const { begun, ends, ask } = slow()
    const { inTurn } = useTurns()
    const now = vi.spyOn(Date, 'now').mockReturnValue(1_000)
    const first = inTurn('hold', ask('hold'))
    const second = inTurn('end', ask('end'))
    await settled()
    now.mockReturnValue(7_000)
    ends.get('hold')!.done('held')
    expect([await first, await second]).toEqual(['held', null])
    expect(begun).toEqual(['hold'])
    now.mockRestore()
  })

  it('goes on after what failed', async () => {
    const { begun, ends, ask } = slow()
    const { waiting, inTurn } = useTurns()
    const first = inTurn('hold', ask('hold')).catch((why: Error) => why.message)
    const second = inTurn('end', ask('end'))
    await settled()
    ends.get('hold')!.failed(new Error('gone'))
    expect(await first).toBe('gone')
    await settled()
    expect(begun).toEqual(['hold', 'end'])
    ends.get('end')!.done('over')
    expect(await second).toBe('over')
    expect(waiting.value).toBe(0)
  })
})
