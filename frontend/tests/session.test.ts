// @vitest-environment happy-dom
import { createPinia, setActivePinia } from 'pinia'
import { beforeEach, describe, expect, it } from 'vitest'
import { configureApi } from '@/api/client'
import { useSession } from '@/stores/session'

function answers(...given: (() => Response | Promise<Response>)[]): void {
  configureApi({ token: () => 'secret', say: (code) => code, fetch: () => Promise.resolve().then(() => (given.length > 1 ? given.shift()! : given[0]!)()) })
}

const problem = (status: number, code: string) => () => new Response(JSON.stringify({ code, detail: `${code}.` }), { status })
const me = () => new Response(JSON.stringify({ username: '1001', rights: [] }), { status: 200 })

beforeEach(() => {
  sessionStorage.setItem('yitong.token', 'secret')
  setActivePinia(createPinia())
})

describe('a reload while the server is away', () => {
  it('waits, says why, and comes back by itself', async () => {
    const session = useSession()
    const said: string[] = []
    answers(
      () => Promise.reject(new TypeError('refused')),
      () => (said.push(session.trouble), problem(503, 'web_unavailable')()),
      () => (said.push(session.trouble), me()),
    )
    expect(await session.restore()).toBe(true)
    expect(said).toEqual(['no_connection', 'web_unavailable.'])
    expect(session.trouble).toBe('')
    expect(session.me?.username).toBe('1001')
  })

  it('ends at the login page only when the server no longer knows the session', async () => {
    const session = useSession()
    answers(problem(401, 'session_ended'))
    expect(await session.restore()).toBe(false)
    expect(session.trouble).toBe('')
  })
})
