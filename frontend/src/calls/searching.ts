/** What the calls page searches by, as the API wants it. Pure. */

export interface Search {
  queue: string
  agent: string
  number: string
  answered: string
  wrapUp: string
  survey: string
  tag: string
  recorded: string
  /** Minutes of talk, as typed. */
  longest: string
  shortest: string
}

export const nothing = (): Search => ({ queue: '', agent: '', number: '', answered: '', wrapUp: '', survey: '', tag: '', recorded: '', longest: '', shortest: '' })

/** Minutes as typed ("3", "2.5", "1:30") in seconds; empty for what is no length. */
export function secondsOf(text: string): string {
  const found = /^\s*(?:(\d{1,4}):([0-5]?\d)|(\d{1,4}(?:[.,]\d+)?))\s*$/.exec(text)
  if (!found) return ''
  return String(found[3] === undefined ? Number(found[1]) * 60 + Number(found[2]) : Math.round(Number(found[3].replace(',', '.')) * 60))
}

/** The parameters of `GET /contacts`; those that are empty are left out by the client. */
export function parametersOf(search: Search): Record<string, string> {
  return {
    queue: search.queue, agent: search.agent, number: search.number.trim(), answered: search.answered, wrap_up: search.wrapUp, survey: search.survey,
    tag: search.tag, recorded: search.recorded, talk_from: secondsOf(search.shortest), talk_to: secondsOf(search.longest),
  }
}

/** How many of the facts that stand behind "more" are asked for. */
export const moreOf = (search: Search): number =>
  [search.wrapUp, search.survey, search.tag, search.recorded, secondsOf(search.shortest), secondsOf(search.longest)].filter(Boolean).length

/** Tags as typed, by commas of either kind; each once. */
export function tagsOf(text: string): string[] {
  return [...new Set(text.split(/[,，、;；]/).map((one) => one.trim().slice(0, 40)).filter(Boolean))].slice(0, 20)
}
