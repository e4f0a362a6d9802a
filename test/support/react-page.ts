/** A page with the hooks of the client SDK: bundled by a test and run in a browser. */
import { createElement, StrictMode, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { useLockgate, useSubscription } from '../../packages/client/src/react.ts'

export interface Shown {
  readonly key: string
  readonly user: string
  readonly room: string
}

export interface ReactPage {
  /** Undefined unmounts everything. */
  readonly show: (what: Shown | undefined) => void
  /** For whom the endpoint was asked for a token, in order. */
  readonly asked: readonly string[]
}

/** What is used of the browser: the tests are typed for Node, which has no page. */
const { document } = globalThis as unknown as {
  readonly document: {
    readonly body: { readonly dataset: { readonly place: string } }
    getElementById(id: string): Parameters<typeof createRoot>[0]
  }
}
const { host } = JSON.parse(document.body.dataset.place) as { readonly host: string }
const asked: string[] = []

function Room(shown: Omit<Shown, 'key'> & { readonly who: string }) {
  const { client, state, error } = useLockgate({
    key: shown.who,
    options: { preset: 'desktop', host, reconnectPeriodMs: 50 },
    login: {
      fetchToken: async () => {
        asked.push(shown.user)
        const response = await fetch(`/token?user=${shown.user}`, { method: 'POST' })
        return (await response.json()) as Record<string, unknown>
      },
      renewBy: 'endpoint',
    },
  })
  Object.assign(globalThis, { client })
  const [lines, setLines] = useState<readonly string[]>([])
  const { isGranted, error: denied } = useSubscription(client, `rooms/${shown.room}`, {
    handler: (message) => setLines((all) => [...all, message.text()]),
  })
  const parts = [state, isGranted ? 'granted' : (denied?.code ?? 'pending'), error?.code]
  return createElement('p', { id: 'shown' }, [...parts.filter(Boolean), ...lines].join(' '))
}

const root = createRoot(document.getElementById('root'))
const page: ReactPage = {
  asked,
  show: (what) => {
    const room = what && createElement(Room, { ...what, key: 'room', who: what.key })
    root.render(createElement(StrictMode, null, room))
  },
}
Object.assign(globalThis, { page })
