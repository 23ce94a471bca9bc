import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createI18n } from 'vue-i18n'
import en from '@/locales/en.json'
import zh from '@/locales/zh-CN.json'
import { KINDS } from '@/settings/kinds'

function flat(tree: object, before = ''): Map<string, string> {
  const all = new Map<string, string>()
  for (const [key, value] of Object.entries(tree)) {
    if (typeof value === 'string') all.set(before + key, value)
    else for (const [inner, text] of flat(value as object, `${before}${key}.`)) all.set(inner, text)
  }
  return all
}

function sources(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    return entry.isDirectory() ? sources(path) : /\.(vue|ts)$/.test(entry.name) ? [readFileSync(path, 'utf8')] : []
  })
}

const chinese = flat(zh)
const english = flat(en)

describe('the words', () => {
  it('are the same set in both languages', () => {
    expect([...english.keys()].sort()).toEqual([...chinese.keys()].sort())
  })

  it('have the same parameters in both languages, and none is empty', () => {
    const parameters = (text: string) => [...new Set([...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]))].sort()
    for (const [key, text] of chinese) {
      const forms = english.get(key)!.split(' | ')
      expect(parameters(forms.join(' ')), key).toEqual(parameters(text))
      expect(parameters(forms.at(-1)!), key).toEqual(parameters(text))
      expect(text && english.get(key), key).toBeTruthy()
    }
  })

  it('count one thing in the singular', () => {
    const { t, locale } = createI18n({ legacy: false, locale: 'en', messages: { 'zh-CN': zh, en } }).global
    const counted = [...english].filter(([, text]) => /\{count\} (?:\w+ )?\w+s\b/.test(text))
    const plain = counted.filter(([, text]) => !text.includes(' | ')).map(([key]) => key)
    expect(plain).toEqual([])
    expect(t('assessment.of', { count: 1 })).toBe('1 assessment')
    expect(t('assessment.of', { count: 0 })).toBe('0 assessments')
    expect(t('assessment.of', { count: 2 })).toBe('2 assessments')
    expect(t('player.pauses', { count: 1, time: '0:07' })).toBe('1 pause, 0:07 not recorded')
    expect(t('conference.end_sure', { count: 1 })).toBe('End the conference for its only member?')
    locale.value = 'zh-CN'
    expect(t('player.pauses', { count: 2, time: '0:07' })).toBe(chinese.get('player.pauses')!.replace('{count}', '2').replace('{time}', '0:07'))
  })

  it('exist for every key that the code names in full', () => {
    const named = new Set(sources('src').flatMap((text) => [...text.matchAll(/\bt\('([a-z_]+(?:\.[\w-]+)*)'[,)]/g)].map((match) => match[1]!)))
    expect([...named].filter((key) => !chinese.has(key))).toEqual([])
    expect(named.size).toBeGreaterThan(100)
  })

  it('exist for every setting and its fields', () => {
    const wanted = KINDS.flatMap((kind) => [
      `kind.${kind.kind}`,
      ...kind.columns.map((column) => `field.${column}`),
      ...kind.fields.flatMap((field) => [
        `field.${field.path.replace('.', '_')}`, ...(field.hint ? [`hint.${field.hint}`] : []), ...(field.options ?? []).map((option) => `option.${option}`),
        ...(field.group ? [`group.${field.group}`] : []), ...(field.columns ?? []).map((column) => `column.${column.key}`),
      ]),
    ])
    expect(wanted.filter((key) => !chinese.has(key))).toEqual([])
  })

  it('are nowhere written in the templates', () => {
    const allowed = /中文|一通/g
    const guilty = sources('src').filter((text) => /[\u4e00-\u9fff]/.test(text.replace(allowed, '')))
    expect(guilty.map((text) => text.slice(0, 60))).toEqual([])
  })
})
