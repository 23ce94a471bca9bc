/** The focus of who works by keys alone: it does not get lost where the page changes under it. */
import { nextTick, onMounted, onUnmounted, watch, type Ref } from 'vue'

const lost = () => document.activeElement === null || document.activeElement === document.body

/**
 * A button that is grey while its act goes on loses the focus in the browser; it has it again when it can be pressed again, unless something
 * else was chosen meanwhile.
 */
export function useKeptFocus(): void {
  let last: HTMLElement | null = null
  let waiting: HTMLElement | null = null
  const seen = new MutationObserver(() => {
    if (last?.matches(':disabled')) waiting = last
    if (waiting === null || waiting.matches(':disabled')) return
    if (waiting.isConnected && lost()) waiting.focus()
    waiting = null
  })
  const came = (event: FocusEvent) => {
    last = event.target instanceof HTMLElement ? event.target : null
    waiting = null
  }
  const pointed = () => (last = waiting = null)

  onMounted(() => {
    document.addEventListener('focusin', came)
    document.addEventListener('pointerdown', pointed, true)
    seen.observe(document.body, { subtree: true, attributeFilter: ['disabled'] })
  })
  onUnmounted(() => {
    document.removeEventListener('focusin', came)
    document.removeEventListener('pointerdown', pointed, true)
    seen.disconnect()
  })
}

/** Whoever was in `part` when `what` changed stays there, although the button that he pressed is gone. */
export function useFocusIn(part: Ref<HTMLElement | undefined>, what: () => unknown): void {
  watch(what, async () => {
    const was = part.value?.contains(document.activeElement)
    await nextTick()
    if (was && lost()) part.value?.focus({ preventScroll: true })
  })
}
