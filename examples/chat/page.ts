/** A room with who is in it, what was said before, and what is said now. */
import { fetchToken } from '../token.ts'
import { Connection, type Member, type Message } from './connection.ts'

const CHANNEL = 'chat:lobby'

const place = (id: string) => document.getElementById(id) as HTMLElement
const list = place('messages')
const name = place('name') as HTMLInputElement
const older = place('older') as HTMLButtonElement
/** By id: what came back by a resume and by history is shown once. */
const shown = new Map<string, HTMLElement>()
let oldest = Number.POSITIVE_INFINITY

name.value = sessionStorage.getItem('name') ?? `guest-${crypto.randomUUID().slice(0, 4)}`

async function url(): Promise<string> {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  return `${scheme}://${location.host}/?token=${await fetchToken()}`
}

const connection = new Connection(CHANNEL, url, {
  onState(state) {
    place('state').textContent = state
    place('state').className = state
  },
  onMessage: show,
  onMembers(members) {
    place('count').textContent = String(members.length)
    place('members').replaceChildren(...members.map(itemOf))
  },
  onHistory({ messages, hasMore }) {
    for (const message of messages) show(message)
    older.hidden = !hasMore
  },
  onError(text) {
    place('problem').textContent = text
  },
})
introduce()

place('form').addEventListener('submit', (event) => {
  event.preventDefault()
  const text = place('text') as HTMLInputElement
  place('problem').textContent = ''
  connection.publish({ name: name.value, text: text.value })
  text.value = ''
})
name.addEventListener('change', introduce)
older.addEventListener('click', () => connection.loadOlder(oldest))
place('drop').addEventListener('click', () => connection.drop())

function introduce(): void {
  sessionStorage.setItem('name', name.value)
  connection.enter({ name: name.value })
}

function itemOf({ clientId, data }: Member): HTMLElement {
  const item = document.createElement('li')
  const given = data?.['name']
  item.textContent = typeof given === 'string' ? given : clientId
  return item
}

/** In the order of the channel, wherever a message comes from. */
function show({ id, data, timestamp }: Message): void {
  if (shown.has(id)) return
  oldest = Math.min(oldest, timestamp)
  const { name: author, text } = data as { name?: unknown; text?: unknown }
  const item = document.createElement('li')
  item.dataset['timestamp'] = String(timestamp)
  const who = document.createElement('strong')
  who.textContent = String(author)
  const when = document.createElement('time')
  when.textContent = new Date(timestamp).toLocaleTimeString()
  item.append(when, who, ` ${String(text)}`)
  const later = [...list.children].find(
    (each) => Number((each as HTMLElement).dataset['timestamp']) > timestamp,
  )
  list.insertBefore(item, later ?? null)
  shown.set(id, item)
  item.scrollIntoView({ block: 'nearest' })
}
