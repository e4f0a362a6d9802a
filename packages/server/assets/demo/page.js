// The front page: an ordinary pusher-js client of the server that served it.
const EVENTS_SHOWN_MAX = 50

const status = document.getElementById('status')
const events = document.getElementById('events')
const message = document.getElementById('message')
const problem = document.getElementById('problem')

const port = location.port || (location.protocol === 'https:' ? '443' : '80')
document.getElementById('host').textContent = location.hostname
document.getElementById('port').textContent = port

const app = await (await fetch('/demo/app.json')).json()
const pusher = new window.Pusher(app.key, {
  cluster: 'local',
  wsHost: location.hostname,
  wsPort: Number(port),
  wssPort: Number(port),
  forceTLS: location.protocol === 'https:',
  enabledTransports: ['ws', 'wss'],
})

// Connected is what it is called once events arrive, which is a moment after the connection.
pusher.connection.bind('state_change', ({ current }) => {
  if (current !== 'connected') tell(current)
})
const channel = pusher.subscribe(app.channel)
channel.bind('pusher:subscription_succeeded', () => tell('connected'))
channel.bind(app.event, show)

document.getElementById('form').addEventListener('submit', async (submitted) => {
  submitted.preventDefault()
  const answer = await fetch('/demo/events', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text: message.value }),
  })
  problem.textContent = answer.ok ? '' : (await answer.json()).error
})

function tell(state) {
  status.textContent = state
  status.className = state
}

function show(data) {
  const item = document.createElement('li')
  const time = document.createElement('time')
  time.textContent = new Date().toLocaleTimeString()
  item.append(time, typeof data?.text === 'string' ? data.text : JSON.stringify(data))
  events.prepend(item)
  while (events.children.length > EVENTS_SHOWN_MAX) events.lastElementChild.remove()
}
