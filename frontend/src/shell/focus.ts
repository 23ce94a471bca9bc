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
    document.addEventListener('keydown', escapes, true)
    seen.observe(document.body, { subtree: true, attributeFilter: ['disabled'] })
  })
  onUnmounted(() => {
    document.removeEventListener('focusin', came)
    document.removeEventListener('pointerdown', pointed, true)
    document.removeEventListener('keydown', escapes, true)
    seen.disconnect()
  })
}

/** In a list of choices that is shut Escape means the dialog around it: the list would keep it to itself. */
function escapes(event: KeyboardEvent): void {
  const { target } = event
  if (event.key !== 'Escape' || !(target instanceof HTMLElement) || target.getAttribute('aria-expanded') !== 'false') return
  const dialog = target.matches('.el-select__input') ? target.closest('.el-dialog, .el-drawer') : null
  if (dialog === null) return
  event.stopImmediatePropagation()
  dialog.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', code: 'Escape', bubbles: true }))
}

/** Whoever was in `part` when `what` changed stays there, although the button that he pressed is gone. */
export function useFocusIn(part: Ref<HTMLElement | undefined>, what: () => unknown): void {
  let at: Node | null = null
  const came = (event: Event) => (at = event.target instanceof Node && part.value?.contains(event.target) ? event.target : null)
  watch(what, async () => {
    await nextTick()
    if (at !== null && !at.isConnected && lost()) part.value?.focus({ preventScroll: true })
  })
  onMounted(() => {
    document.addEventListener('focusin', came)
    document.addEventListener('pointerdown', came, true)
  })
  onUnmounted(() => {
    document.removeEventListener('focusin', came)
    document.removeEventListener('pointerdown', came, true)
  })
}
