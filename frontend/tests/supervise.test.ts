// @vitest-environment happy-dom
import { describe, expect, it, vi } from 'vitest'
import { configureApi } from '@/api/client'
import { takePart } from '@/board/supervise'

const refused = (code: string) => new Response(JSON.stringify({ code, detail: code, parameters: {} }), { status: 409, headers: { 'content-type': 'application/problem+json' } })
const done = () => new Response(JSON.stringify({ assignment: 'a' }), { status: 201, headers: { 'content-type': 'application/json' } })
const answers = (...given: Response[]) => {
  const asked = vi.fn(async () => given.shift() ?? refused('no_telephone'))
  configureApi({ fetch: asked })
  return asked
}

describe('taking part in a talk', () => {
  it('waits until the server knows of the telephone that the page has just begun', async () => {
    const asked = answers(refused('no_telephone'), refused('no_telephone'), done())
    await takePart('1', 'silent', async () => {})
    expect(asked).toHaveBeenCalledTimes(3)
  })

  it('says at once what waiting does not change, and at last that there is no telephone', async () => {
    for (const code of ['wrong_state', 'own_telephone_busy']) {
      const once = answers(refused(code))
      await expect(takePart('1', 'silent', async () => {})).rejects.toMatchObject({ code })
      expect(once).toHaveBeenCalledTimes(1)
    }
    const often = answers()
    await expect(takePart('1', 'silent', async () => {})).rejects.toMatchObject({ code: 'no_telephone' })
    expect(often.mock.calls.length).toBeGreaterThan(10)
  })
})
