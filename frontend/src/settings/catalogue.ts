/** Lists of configuration, loaded once per visit and refreshed after each change; references show names instead of ids. */
import { reactive } from 'vue'
import { getAll } from '@/api/client'
import type { Named } from '@/api/types'
import { language } from '@/i18n'
import { named } from '@/format'
import type { Item } from './kinds'

const lists = reactive<Record<string, Item[]>>({})

export async function refresh(kind: string): Promise<void> {
  lists[kind] = await getAll<Item>(`/config/${kind}`)
}

export const listOf = (kind: string): Item[] => lists[kind] ?? []

export async function need(kinds: string[]): Promise<void> {
  await Promise.all([...new Set(kinds)].filter((kind) => !(kind in lists)).map((kind) => refresh(kind).catch(() => undefined)))
}

export function forgetAll(): void {
  for (const kind of Object.keys(lists)) delete lists[kind]
}

export function titleOf(item: Item | undefined): string {
  if (!item) return ''
  const name = named(item.name as Named, language())
  const code = String(item.username ?? item.number ?? item.code ?? '')
  if (!name) return item.language && item.code ? `${code} (${String(item.language)})` : code || item.id
  return name
}

/** The name behind an id (or code, or agent id of a user) of `kind`. */
export function shown(kind: string, id: unknown): string {
  if (id === null || id === undefined || id === '') return ''
  const found = listOf(kind).find((item) => item.id === id || item.code === id || item.agent === id)
  return found ? titleOf(found) : String(id)
}
