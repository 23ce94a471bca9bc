/**
 * The one way to the HTTP API: Bearer token, the reader's language, an idempotency key on every POST (kept over retries of the same
 * action), `If-Match`, and problem+json turned into `Problem`.
 */

import type { Page } from './types'

export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly parameters: Record<string, unknown> = {},
    readonly body: Record<string, unknown> = {},
  ) {
    super(detail || code)
  }
}

export interface CallOptions {
  body?: unknown
  query?: Record<string, string | number | boolean | null | undefined>
  version?: string | number
  key?: string
  reason?: string
  keepalive?: boolean
  signal?: AbortSignal
}

export interface Surroundings {
  token: () => string | null
  language: () => string
  /** The server no longer knows the session. */
  ended: () => void
  /** What to say when there is no answer, or none with words of its own. */
  say: (code: 'no_connection' | 'no_answer') => string
  fetch: typeof fetch
}

export interface Answer<T> { data: T; version: string | null }

let surroundings: Surroundings = {
  token: () => null,
  language: () => 'zh-CN',
  ended: () => undefined,
  say: (code) => code,
  fetch: (...a) => fetch(...a),
}

export function configureApi(given: Partial<Surroundings>): void {
  surroundings = { ...surroundings, ...given }
}

/** A fresh key for one action of the user; also where `crypto.randomUUID` is missing (page not on HTTPS or localhost). */
export function newKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, '0')).join('')
}

function address(path: string, query: CallOptions['query']): string {
  const parameters = new URLSearchParams()
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== null && value !== undefined && value !== '') parameters.set(name, String(value))
  }
  const text = parameters.toString()
  const base = path.startsWith('/api/') ? path : `/api/v1${path}`
  return text ? `${base}?${text}` : base
}

function headersOf(method: string, options: CallOptions): Headers {
  const headers = new Headers({ Accept: 'application/json', 'Accept-Language': surroundings.language() })
  const token = surroundings.token()
  if (token) headers.set('Authorization', `Bearer ${token}`)
  if (method === 'POST') headers.set('Idempotency-Key', options.key ?? newKey())
  if (options.version !== undefined) headers.set('If-Match', `"${String(options.version).replaceAll('"', '')}"`)
  if (options.reason) headers.set('X-Reason', encodeURIComponent(options.reason))
  if (options.body !== undefined && !(options.body instanceof FormData)) headers.set('Content-Type', 'application/json')
  return headers
}

async function problemOf(response: Response): Promise<Problem> {
  let body: Record<string, unknown> = {}
  try {
    body = (await response.json()) as Record<string, unknown>
  } catch {
    // a proxy's page, not ours
  }
  const detail = typeof body.detail === 'string' && body.detail ? body.detail : `${surroundings.say('no_answer')} (${response.status})`
  const parameters = (body.parameters ?? {}) as Record<string, unknown>
  return new Problem(response.status, typeof body.code === 'string' ? body.code : `http_${response.status}`, detail, parameters, body)
}

async function ask(method: string, path: string, options: CallOptions): Promise<Response> {
  const { body } = options
  let response: Response
  try {
    response = await surroundings.fetch(address(path, options.query), {
      method,
      headers: headersOf(method, options),
      body: body === undefined ? undefined : body instanceof FormData ? body : JSON.stringify(body),
      keepalive: options.keepalive,
      signal: options.signal,
      cache: 'no-store',
    })
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new Problem(0, 'no_connection', surroundings.say('no_connection'))
  }
  if (response.ok) return response
  if (response.status === 401 && surroundings.token() && !path.startsWith('/sessions')) surroundings.ended()
  throw await problemOf(response)
}

export async function callFull<T>(method: string, path: string, options: CallOptions = {}): Promise<Answer<T>> {
  const response = await ask(method, path, options)
  const etag = response.headers.get('ETag')
  const version = etag ? etag.replace(/^W\//, '').replaceAll('"', '') : null
  if (response.status === 204) return { data: undefined as T, version }
  const text = await response.text()
  return { data: (text ? JSON.parse(text) : undefined) as T, version }
}

export async function call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
  return (await callFull<T>(method, path, options)).data
}

export const get = <T>(path: string, query?: CallOptions['query'], signal?: AbortSignal) => call<T>('GET', path, { query, signal })

/** A whole list: page after page, as large as the server gives them. */
export async function getAll<T>(path: string, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = []
  let cursor: string | null = null
  do {
    const page: Page<T> = await get<Page<T>>(path, { limit: 200, cursor }, signal)
    items.push(...page.items)
    cursor = page.next
  } while (cursor)
  return items
}

/** Audio behind the Bearer token. */
export async function getBlob(path: string, signal?: AbortSignal): Promise<Blob> {
  return (await ask('GET', path, { signal })).blob()
}

/** What to show for a caught error. */
export function sentence(error: unknown): string {
  if (error instanceof Problem) return error.detail
  return error instanceof Error ? error.message : String(error)
}
