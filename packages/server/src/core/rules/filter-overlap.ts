/** What two topic filters have in common. Pure (MQTT 5 §4.7). */

/**
 * The topics that both match are always those of one filter, or none.
 * @returns that filter; undefined: no topic is matched by both.
 */
export function filterOverlap(one: string, other: string): string | undefined {
  const isOdd = one.startsWith('$')
    ? /^[+#]/.test(other)
    : other.startsWith('$') && /^[+#]/.test(one)
  // Wildcards at the beginning leave out what begins with `$` [MQTT-4.7.2-1].
  if (isOdd) return undefined
  const left = one.split('/')
  const right = other.split('/')
  const common: string[] = []
  for (let index = 0; ; index++) {
    const a = left[index]
    const b = right[index]
    if (a === undefined && b === undefined) return common.join('/')
    // `a/#` matches `a` itself (§4.7.1.2), and whatever the other one says from here on.
    if (a === '#') return [...common, ...right.slice(index)].join('/')
    if (b === '#') return [...common, ...left.slice(index)].join('/')
    if (a === undefined || b === undefined) return undefined
    if (a !== b && a !== '+' && b !== '+') return undefined
    common.push(a === '+' ? b : a)
  }
}
