/** Posts in a loop over kept connections and nothing else: what no sender of webhooks can beat. */
import { Agent, request } from 'node:http'
import { BODY, IN_FLIGHT, ratesOf, startReceiver } from './posting.ts'
import { print, rateOf, secondsAsked } from './stopwatch.ts'

const { url, end } = await startReceiver()
const agent = new Agent({ keepAlive: true, maxSockets: IN_FLIGHT })
const headers = { 'content-type': 'application/json', 'content-length': String(BODY.length) }
let count = 0

function post(): Promise<void> {
  return new Promise((resolve, reject) => {
    const sending = request(url, { method: 'POST', agent, headers }, (response) => {
      response.on('end', () => {
        count++
        resolve()
      })
      response.resume()
    })
    sending.on('error', reject)
    sending.end(BODY)
  })
}

const run = async (seconds: number) =>
  void (await rateOf(seconds, { inFlight: IN_FLIGHT, call: post }))
print({ ...(await ratesOf(secondsAsked(), run, () => count)) })
agent.destroy()
await end()
