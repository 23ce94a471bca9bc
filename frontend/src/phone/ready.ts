/** The telephone of this page, unless a desk phone is there; from a click, since the browser asks for the microphone. */
import { useDesk } from '@/stores/desk'

const TELEPHONE_MS = 6000
const STEP_MS = 100

/** Whether the agent's telephone rings when it is called, once it has had the time to register. */
export async function telephoneReady(): Promise<boolean> {
  const desk = useDesk()
  const there = () => desk.deskPhone || desk.registration === 'registered'
  await desk.open()
  if (there()) return true
  if (desk.phoneMode !== 'on') await desk.startPhone()
  for (let waited = 0; waited < TELEPHONE_MS; waited += STEP_MS) {
    if (there()) return true
    await new Promise((resolve) => setTimeout(resolve, STEP_MS))
  }
  return false
}
