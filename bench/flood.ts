/**
 * What those who are connected notice of a flood of bad handshakes: the same paced traffic without
 * it and with it, on one server, at half the rate at which a bare server accepts good ones.
 */
import { type FloodResult, generate } from './generator.ts'
import { measureConnect, measureTraffic, type Reading, type Settings } from './measure.ts'
import { makeInstallation, type Server, startBareBun, startLockgate } from './servers.ts'

/** 200 messages a second to 100 subscribers: the server is busy, and not at its limit. */
const SUBSCRIBER_COUNT = 100
const PACE_SECONDS = 0.005
/** Of one range: what a single customer of a provider gets. */
const ADDRESS_COUNT = 250
/** The flood is there before the traffic is, and ends after it. */
const MARGIN_SECONDS = 1.5

/** With the limits by address as they are for whoever sets none. */
export async function measureFlood(settings: Settings): Promise<Reading> {
  const installation = makeInstallation('default limits')
  try {
    const server = await startLockgate(installation)
    try {
      return await measureOn(server, settings)
    } finally {
      await server.stop()
    }
  } finally {
    installation.remove()
  }
}

async function measureOn(server: Server, settings: Settings): Promise<Reading> {
  const bareRate = await bareAcceptRate(settings)
  const quiet = await measurePaced(server, settings)
  const seconds = settings.warmupSeconds + settings.seconds + 2 * MARGIN_SECONDS
  const flooding = generate<FloodResult>({
    program: settings.programs.load,
    mode: 'flood',
    isYielding: true,
    options: { port: server.port, count: ADDRESS_COUNT, rate: bareRate / 2, seconds },
  })
  await Bun.sleep(MARGIN_SECONDS * 1000)
  const flooded = await measurePaced(server, settings)
  const flood = await flooding
  const [quietP99Us = 0, floodP99Us = 0] = [quiet, flooded].map(({ values }) => values['p99Us'])
  return {
    values: {
      quietP99Us,
      floodP99Us,
      growth: floodP99Us / quietP99Us,
      bareRate,
      offeredRate: flood.offered / flood.seconds,
      answeredShare: ((flood.refused + flood.closed) / flood.offered) * 100,
    },
  }
}

/** On a process of its own: nothing it leaves behind is there when the flood comes. */
async function bareAcceptRate(settings: Settings): Promise<number> {
  const bare = await startBareBun()
  try {
    return (await measureConnect(bare, settings)).values['wallRate'] ?? 0
  } finally {
    await bare.stop()
  }
}

function measurePaced(server: Server, settings: Settings): Promise<Reading> {
  return measureTraffic(server, settings, {
    count: SUBSCRIBER_COUNT,
    window: 1,
    pace: PACE_SECONDS,
  })
}
