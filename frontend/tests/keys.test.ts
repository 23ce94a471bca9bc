import { describe, expect, it } from 'vitest'
import help from '@/shell/ShortcutHelp.vue?raw'
import shortcuts from '@/shell/shortcuts.ts?raw'

describe('the list of keys', () => {
  it('has every single key of the desk', () => {
    const handled = new Set([...shortcuts.matchAll(/key === '([a-z?])'/g)].map(([, key]) => key!.toUpperCase()))
    const listed = new Set([...help.matchAll(/\['([A-Z?])', '/g)].map(([, key]) => key))
    expect(handled.size).toBeGreaterThan(15)
    expect([...handled].filter((key) => !listed.has(key))).toEqual([])
  })
})
