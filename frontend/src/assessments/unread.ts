/** How many assessments of one's own wait to be read: asked now and then, and whenever one was opened. */
import { defineStore } from 'pinia'
import { ref } from 'vue'
import { get } from '@/api/client'
import { useSession } from '@/stores/session'

export const useUnread = defineStore('unread', () => {
  const count = ref(0)
  let asked = 0

  async function look(): Promise<void> {
    const mine = ++asked
    const session = useSession()
    if (!session.me?.agent || session.me.locked || !session.can('assessments.own')) {
      count.value = 0
      return
    }
    // What cannot be asked now is asked the next time; the page of assessments says itself what is wrong.
    const found = await get<{ count: number }>('/assessments/unread').catch(() => null)
    if (mine === asked && found) count.value = found.count
  }

  return { count, look }
})
