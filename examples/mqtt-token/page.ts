/** The page: asks its own server for a token, connects with it, subscribes, publishes. */
import CloudSignal from '@lockgate/client'

const place = (id: string) => document.getElementById(id) as HTMLElement

function log(line: string): void {
  const item = document.createElement('li')
  item.textContent = line
  place('log').append(item)
}

/** By their names in page.html. */
type Fields = Readonly<Record<'email' | 'filter' | 'topic' | 'text', string>>

function onSubmit(id: string, act: (fields: Fields) => Promise<void>): void {
  place(id).addEventListener('submit', (event) => {
    event.preventDefault()
    const fields = Object.fromEntries(new FormData(event.target as HTMLFormElement)) as Fields
    act(fields).catch((error: Error & { code?: string }) => log(`${error.code}: ${error.message}`))
  })
}

const { host } = (await (await fetch('/config')).json()) as { host: string }
const client = new CloudSignal({ preset: 'desktop', host, reconnectPeriodMs: 500 })
client.onConnectionChange = (state) => {
  place('state').textContent = state
}
client.onTokenRefreshed = () => {
  place('renewals').textContent = String(Number(place('renewals').textContent) + 1)
}
client.onAuthError = (error) => log(error.message)
client.onError = (error) => log(String(error))

onSubmit('sign-in', async ({ email }) => {
  await fetch('/sign-in', { method: 'POST', body: new URLSearchParams({ email }) })
  await client.connectWithToken({
    fetchToken: async () => {
      const response = await fetch('/api/mqtt-token', { method: 'POST' })
      return (await response.json()) as Record<string, unknown>
    },
  })
})

onSubmit('subscribe', async ({ filter }) => {
  await client.subscribe(filter, (message) => log(`${message.topic}: ${message.text()}`))
  log(`subscribed to ${filter}`)
})

onSubmit('publish', async ({ topic, text }) => {
  await client.publish(topic, text, { qos: 1 })
})

// For the console: try `await client.refreshToken()`.
Object.assign(globalThis, { client })
