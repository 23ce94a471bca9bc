/** Single keys for the desk, outside text fields; they can be switched off (WCAG 2.1.4). */
import { onMounted, onUnmounted, ref } from 'vue'
import { useTaking } from '@/desk/taking'
import { useDesk } from '@/stores/desk'
import { useLive } from '@/stores/live'

const KEY = 'yitong.shortcuts'
export const enabled = ref(localStorage.getItem(KEY) !== 'off')
export const keypadOpen = ref(false)
export const pickerOpen = ref(false)
export const textOpen = ref(false)
export const lockOpen = ref(false)

export function enable(on: boolean): void {
  enabled.value = on
  localStorage.setItem(KEY, on ? 'on' : 'off')
}

/** Is `target` a place where letters are typed? */
export function typing(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  return target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName) || target.closest('[role="dialog"], [role="listbox"]') !== null
}

export function useShortcuts(extra: { help: () => void }): void {
  const desk = useDesk()
  const live = useLive()
  const taking = useTaking()

  function press(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return
    if (event.key === '?') return extra.help()
    if (!enabled.value || !desk.desk || live.takenOver) return
    if (act(event.key.toLowerCase())) event.preventDefault()
  }

  function act(key: string): boolean {
    const state = desk.current?.state
    const talking = state === 'active' || state === 'held'
    if (keypadOpen.value && talking && /^[0-9*#]$/.test(key)) return (desk.key(key), true)
    if (key === 'a' && desk.pageCall.phase === 'ringing') return (desk.answer(), true)
    if (key === 'd' && state === undefined) return (document.querySelector<HTMLElement>('#dial-number')?.focus(), true)
    if (key === 'x' && state === 'offered' && !desk.current?.dialling && !(desk.current?.inside && desk.current.caller)) return (void desk.refuse(), true)
    if (several(key)) return true
    if (key === 'h' && talking && desk.may.hold) return (void desk.hold(), true)
    if (key === 'm' && talking) return (void desk.mute(), true)
    if (key === 'p' && talking && taking.togglePause()) return true
    if (key === 'o' && talking && taking.toggleDemand()) return true
    if (key === 'n' && desk.may.text) return ((textOpen.value = !textOpen.value), true)
    if (key === 'k' && talking) return ((keypadOpen.value = !keypadOpen.value), true)
    if (key === 'e' && (talking || desk.current?.dialling || desk.current?.inside)) return (void desk.hangUp(), true)
    if (key === 'r' && desk.desk?.agent.duty.state !== 'ready') return (void desk.setState('ready'), true)
    if (key === 'b' && desk.desk?.agent.duty.state === 'ready') return (void desk.setState('not_ready'), true)
    if (key === 'l' && state === undefined) return ((lockOpen.value = true), true)
    if (key === 'w' && state === 'wrapping_up') return (document.querySelector<HTMLElement>('#wrap-up-note')?.focus(), true)
    if (key === 'c') return (document.querySelector<HTMLElement>('#customer-name')?.focus(), true)
    return false
  }

  /** What an agent does with two others. */
  function several(key: string): boolean {
    const { may } = desk
    if (key === 't' && may.hand_over) return (void desk.handOver(), true)
    if (key === 't' && may.pick) return ((pickerOpen.value = !pickerOpen.value), true)
    if (key === 's' && may.alternate) return (void desk.alternate(), true)
    if (key === 'j' && may.conference) return (void desk.conference(), true)
    if (key === 'q' && may.take_back) return (void desk.takeCustomerBack(), true)
    if (key === 'q' && may.reconnect) return (void desk.reconnect(), true)
    return false
  }

  onMounted(() => window.addEventListener('keydown', press))
  onUnmounted(() => window.removeEventListener('keydown', press))
}
