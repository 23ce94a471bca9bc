import { createRouter, createWebHistory } from 'vue-router'
import { useSession } from '@/stores/session'

declare module 'vue-router' {
  interface RouteMeta { open?: boolean; right?: string; title?: string }
}

export const router = createRouter({
  history: createWebHistory(),
  routes: [
    { path: '/login', component: () => import('@/login/LoginPage.vue'), meta: { open: true, title: 'login' } },
    { path: '/call/:tenant?', component: () => import('@/guest/CallPage.vue'), meta: { open: true, title: 'call' } },
    {
      path: '/',
      component: () => import('@/shell/AppShell.vue'),
      children: [
        { path: '', component: { render: () => null } },
        { path: 'desk', component: () => import('@/desk/DeskPage.vue'), meta: { right: 'calls.take', title: 'desk' } },
        { path: 'calls/:id?', component: () => import('@/calls/CallsPage.vue'), meta: { right: 'contacts.own', title: 'calls' } },
        { path: 'work', component: () => import('@/work/WorkPage.vue'), meta: { right: 'board.see', title: 'work' } },
        { path: 'assessments/:id?', component: () => import('@/assessments/AssessmentsPage.vue'), meta: { right: 'assessments.own', title: 'assessments' } },
        { path: 'board', component: () => import('@/board/BoardPage.vue'), meta: { right: 'board.see', title: 'board' } },
        { path: 'faxes/:tab?/:id?', component: () => import('@/faxes/FaxesPage.vue'), meta: { right: 'faxes.own', title: 'faxes' } },
        { path: 'conferences', component: () => import('@/conference/ConferencePage.vue'), meta: { right: 'conferences.host', title: 'conferences' } },
        { path: 'mailboxes', component: () => import('@/mailboxes/MailboxesPage.vue'), meta: { right: 'mailboxes.own', title: 'mailboxes' } },
        { path: 'mails', component: () => import('@/mails/MailsPage.vue'), meta: { right: 'mails.all', title: 'mails' } },
        { path: 'texts', component: () => import('@/texts/TextsPage.vue'), meta: { right: 'texts.read', title: 'texts' } },
        { path: 'security', component: () => import('@/security/SecurityPage.vue'), meta: { right: 'audit.read', title: 'security' } },
        { path: 'settings/:kind?', component: () => import('@/settings/SettingsPage.vue'), meta: { right: 'config.read', title: 'settings' } },
      ],
    },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
})

/** The first page that this user may see. */
export function home(): string {
  const session = useSession()
  if (session.can('board.see')) return '/board'
  if (maySee('calls.take')) return '/desk'
  return session.can('config.read') ? '/settings' : '/calls'
}

export function maySee(right: string | undefined): boolean {
  const session = useSession()
  if (right === 'contacts.own') return ['contacts.own', 'contacts.team', 'contacts.all'].some(session.can)
  if (right === 'faxes.own') return ['faxes.own', 'faxes.read', 'faxes.send'].some(session.can)
  if (right === 'assessments.own') return ['assessments.own', 'assessments.write'].some(session.can)
  if (right === 'calls.take' && !session.me?.agent && !session.me?.extension) return false // the right, but nobody's desk
  return !right || session.can(right)
}

router.beforeEach(async (to) => {
  if (to.meta.open) return true
  const session = useSession()
  if (!session.token) return { path: '/login', query: to.fullPath === '/' ? {} : { to: to.fullPath } }
  if (!session.me && !(await session.restore())) return { path: '/login', query: { to: to.fullPath } }
  return to.path !== '/' && maySee(to.meta.right) ? true : home()
})
