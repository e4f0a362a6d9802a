/** The bare signature of a token and its verification: what nobody on this runtime goes below. */
import { generateKeyPairSync, sign, verify } from 'node:crypto'
import { print, secondsAsked, timeCalls } from './stopwatch.ts'

/** About as long as the header and claims of an access token. */
const INPUT = Buffer.alloc(900, 'x')

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const signer = { key: privateKey, dsaEncoding: 'ieee-p1363' as const }
const verifier = { key: publicKey, dsaEncoding: 'ieee-p1363' as const }
const signature = sign('sha256', INPUT, signer)
const signed = await timeCalls(secondsAsked() / 2, () => sign('sha256', INPUT, signer))
const checked = await timeCalls(secondsAsked() / 2, () =>
  verify('sha256', INPUT, verifier, signature),
)
print({
  cpuUs: signed.cpuUs,
  coreRate: 1e6 / signed.cpuUs,
  wallRate: 1e6 / signed.wallUs,
  tokenUs: checked.wallUs,
})
