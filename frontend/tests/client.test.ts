import { beforeEach, describe, expect, it, vi } from 'vitest'
import { call, callFull, configureApi, get, getAll, Problem } from '@/api/client'

const asked: { url: string; init: RequestInit }[] = []
let answer: () => Response
const ended = vi.fn()

beforeEach(() => {
  asked.length = 0
  ended.mockClear()
  answer = () => new Response('{}', { status: 200 })
  configureApi({
    token: () => 'secret',
    language: () => 'en',
    ended,
    say: (code) => code,
    fetch: (url, init) => {
      asked.push({ url: String(url), init: init! })
      return Promise.resolve(answer())
    },
  })
})
const header = (name: string) => (asked[0]!.init.headers as Headers).get(name)

describe('the API client', () => {
  it('sends token, language, and an idempotency key with a POST only', async () => {
    await call('POST', '/me/phone')
    expect(header('Authorization')).toBe('Bearer secret')
    expect(header('Accept-Language')).toBe('en')
    expect(header('Idempotency-Key')).toMatch(/^[0-9a-f-]{32,36}$/)
    asked.length = 0
    await get('/queues')
    expect(header('Idempotency-Key')).toBeNull()
  })

  it('leaves empty filters out and keeps full paths', async () => {
    await get('/contacts', { queue: '', number: '138', agent: undefined, answered: 'true' })
    expect(asked[0]!.url).toBe('/api/v1/contacts?number=138&answered=true')
    await get('/api/v1/recordings/1')
    expect(asked[1]!.url).toBe('/api/v1/recordings/1')
  })

  it('loads a whole list page after page', async () => {
    const pages = [{ items: [1, 2], next: 'b' }, { items: [3], next: 'c' }, { items: [4], next: null }]
    answer = () => new Response(JSON.stringify(pages[asked.length - 1]))
    expect(await getAll<number>('/config/users')).toEqual([1, 2, 3, 4])
    expect(asked.map((one) => one.url)).toEqual([
      '/api/v1/config/users?limit=200', '/api/v1/config/users?limit=200&cursor=b', '/api/v1/config/users?limit=200&cursor=c',
    ])
  })

  it('sends the version and reads the new one', async () => {
    answer = () => new Response('{"id":"1"}', { status: 200, headers: { ETag: 'W/"5"' } })
    const { version } = await callFull('PUT', '/config/queues/1', { body: {}, version: 4, reason: '改名' })
    expect(header('If-Match')).toBe('"4"')
    expect(header('X-Reason')).toBe(encodeURIComponent('改名'))
    expect(version).toBe('5')
  })

  it('turns problem+json into a Problem with the server’s words', async () => {
    answer = () => new Response('{"code":"wrong_state","detail":"The contact is over.","parameters":{"state":"ended"}}', { status: 409 })
    const failure = (await call('POST', '/me/assignments/1/hold').catch((error: unknown) => error)) as Problem
    expect([failure.status, failure.code, failure.detail, failure.parameters.state]).toEqual([409, 'wrong_state', 'The contact is over.', 'ended'])
  })

  it('says so when there is no connection, or an answer that is not ours', async () => {
    configureApi({ fetch: () => Promise.reject(new TypeError('failed')) })
    expect(((await get('/me').catch((error: unknown) => error)) as Problem).code).toBe('no_connection')
    configureApi({ fetch: () => Promise.resolve(new Response('<html>', { status: 502 })) })
    expect(((await get('/me').catch((error: unknown) => error)) as Problem).detail).toBe('no_answer (502)')
  })

  it('ends the session on 401, but not for a wrong password', async () => {
    answer = () => new Response('{"code":"unauthorized","detail":"x"}', { status: 401 })
    await get('/me').catch(() => undefined)
    expect(ended).toHaveBeenCalledTimes(1)
    await call('POST', '/sessions', { body: {} }).catch(() => undefined)
    expect(ended).toHaveBeenCalledTimes(1)
  })

  it('takes 204 for nothing', async () => {
    answer = () => new Response(null, { status: 204 })
    expect(await call('POST', '/me/assignments/1/refuse')).toBeUndefined()
  })
})
