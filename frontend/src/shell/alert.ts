/** Ringing: a tone and a flashing title, while a contact is offered and this page is its telephone (or there is no other). */
import { onUnmounted, watch } from 'vue'
import { headingOf } from '@/desk/several'
import { useWords } from '@/i18n'
import { Ringtone } from '@/phone/ringtone'
import { useDesk } from '@/stores/desk'

export function useAlert(): void {
  const desk = useDesk()
  const { t, caller } = useWords()
  const tone = new Ringtone()
  let flashing: ReturnType<typeof setInterval> | null = null
  let title = ''

  function calm(): void {
    tone.stop()
    if (flashing === null) return
    clearInterval(flashing)
    flashing = null
    document.title = title
  }

  function alarm(): void {
    if (desk.pageCall.phase === 'ringing') tone.start()
    else tone.stop()
    if (flashing !== null) return
    title = document.title
    let on = false
    flashing = setInterval(() => {
      on = !on
      document.title = on ? `☎ ${t(desk.ringing ? headingOf(desk.ringing) : 'desk.state.offered')} ${desk.ringing?.inside?.extension ?? caller(desk.ringing?.calling)}` : title
    }, 800)
  }

  watch(
    () => [desk.ringing?.id, desk.pageCall.phase, desk.pageCall.resumed] as const,
    ([offered, phase, resumed]) => ((offered || phase === 'ringing') && phase !== 'answering' && phase !== 'talking' && !resumed ? alarm() : calm()),
    { immediate: true },
  )
  onUnmounted(calm)
}
