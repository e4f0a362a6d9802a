/** One document, several cursors: TipTap over y-websocket, as anybody's editor would be. */
import { Editor } from '@tiptap/core'
import Collaboration from '@tiptap/extension-collaboration'
import CollaborationCaret from '@tiptap/extension-collaboration-caret'
import StarterKit from '@tiptap/starter-kit'
import { WebsocketProvider } from 'y-websocket'
import * as Y from 'yjs'
import { fetchToken } from '../token.ts'

const DOCUMENT = 'notes'
/** Well before it ends: a connection that is lost later comes back with a good one. */
const RENEW_MS = 240_000
const COLOURS = ['#0b6b57', '#a32020', '#1f5fa8', '#7a3fb0', '#9a5b00', '#2b6e2b']

const place = (id: string) => document.getElementById(id) as HTMLElement

/** The token travels as a subprotocol, so it is in no URL and in no log. */
const protocolsOf = (value: string) => ['access_token', value]

const name = sessionStorage.getItem('name') ?? `guest-${crypto.randomUUID().slice(0, 4)}`
const colour = COLOURS[Math.floor(Math.random() * COLOURS.length)]
const shared = new Y.Doc()
const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
const provider = new WebsocketProvider(
  `${scheme}://${location.host}/collaboration`,
  DOCUMENT,
  shared,
  { protocols: protocolsOf(await fetchToken()) },
)
setInterval(async () => {
  provider.protocols = protocolsOf(await fetchToken())
}, RENEW_MS)

provider.on('status', ({ status }: { status: string }) => {
  place('state').textContent = status
  place('state').className = status
})
provider.awareness.on('change', () => {
  const people = [...provider.awareness.getStates().values()]
  place('count').textContent = String(people.length)
  place('members').replaceChildren(
    ...people.map(({ user }) => {
      const item = document.createElement('li')
      item.textContent = String(user?.name ?? 'somebody')
      return item
    }),
  )
})

const editor = new Editor({
  element: place('editor'),
  // The page allows no inline style; what TipTap would inject is in page.css.
  injectCSS: false,
  extensions: [
    StarterKit.configure({ undoRedo: false }),
    Collaboration.configure({ document: shared }),
    CollaborationCaret.configure({
      provider,
      user: { name, color: colour },
      render({ name: of, color }) {
        const caret = document.createElement('span')
        caret.className = 'caret'
        caret.style.borderColor = String(color)
        const label = document.createElement('span')
        label.textContent = String(of)
        label.style.backgroundColor = String(color)
        caret.append(label)
        return caret
      },
      selectionRender: () => ({ nodeName: 'span', class: 'selected' }),
    }),
  ],
})

// For the console: try `provider.disconnect()`, type, and `provider.connect()`.
Object.assign(globalThis, { editor, provider })
