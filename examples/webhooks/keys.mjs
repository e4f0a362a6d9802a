/**
 * The keys out of the environment: `whsec_...,whpk_...,APP_KEY:APP_SECRET`.
 * @param {string | undefined} text
 */
export function keysOf(text) {
  if (text === undefined || text === '') throw new Error('Set WEBHOOK_KEYS.')
  return text.split(',').map((each) => {
    const colon = each.indexOf(':')
    return colon < 0 ? each : { key: each.slice(0, colon), secret: each.slice(colon + 1) }
  })
}
