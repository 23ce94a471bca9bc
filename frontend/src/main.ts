import { createPinia } from 'pinia'
import { createApp, watch } from 'vue'
import { configureApi } from '@/api/client'
import { i18n, language, setLanguage } from '@/i18n'
import { router } from '@/router'
import App from '@/shell/App.vue'
import { useSession } from '@/stores/session'
import '@/styles/tokens.css'
import '@/styles/base.css'

const app = createApp(App)
app.use(createPinia()).use(i18n)

const session = useSession()
configureApi({
  token: () => session.token,
  language,
  ended: () => session.forget('ended'),
  say: (code) => i18n.global.t(`problem.${code}`),
})
setLanguage(language())

// Wherever the session ends, the way leads to the login page.
watch(() => session.token, (token) => {
  if (token === null && !router.currentRoute.value.meta.open) void router.push({ path: '/login', query: { to: router.currentRoute.value.fullPath } })
})
const title = () => {
  const page = router.currentRoute.value.meta.title
  document.title = page ? `${i18n.global.t(`page.${page}`)} · ${i18n.global.t('product')}` : i18n.global.t('product')
}
router.afterEach(title)
watch(language, title)

// A new release was put in place while this page was open: its parts have other names now.
window.addEventListener('vite:preloadError', () => {
  const last = Number(sessionStorage.getItem('yitong.reloaded') ?? 0)
  if (Date.now() - last < 60_000) return
  sessionStorage.setItem('yitong.reloaded', String(Date.now()))
  location.reload()
})

app.use(router).mount('#app')
