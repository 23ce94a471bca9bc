import { computed } from 'vue'
import { createI18n } from 'vue-i18n'
import type { Language, Named } from '@/api/types'
import en from './locales/en.json'
import zh from './locales/zh-CN.json'
import { named, phoneText } from './format'

const KEY = 'yitong.language'

function first(): Language {
  const kept = localStorage.getItem(KEY)
  if (kept === 'zh-CN' || kept === 'en') return kept
  return (navigator.language || 'zh-CN').toLowerCase().startsWith('zh') ? 'zh-CN' : 'en'
}

export const i18n = createI18n({ legacy: false, locale: first(), fallbackLocale: 'zh-CN', messages: { 'zh-CN': zh, en } })

export function language(): Language {
  return i18n.global.locale.value as Language
}

export function setLanguage(value: Language): void {
  i18n.global.locale.value = value
  localStorage.setItem(KEY, value)
  document.documentElement.lang = value
}

/** The words and the names, in components. */
export function useWords() {
  const { t, te } = i18n.global
  const nameOf = (name: Named | null | undefined) => named(name, language())
  /** `t(prefix.code)` where we have words for it, else the code itself. */
  const word = (prefix: string, code: string | null | undefined) => (code ? (te(`${prefix}.${code}`) ? t(`${prefix}.${code}`) : code) : '')
  /** A telephone number; a guest of the customer page has a made-up name instead of one. */
  const caller = (number: string | null | undefined) => (/^gue(st|\*)/.test(number ?? '') ? t('call.web_caller') : phoneText(number))
  return { t, te, nameOf, word, caller, language: computed(language) }
}
