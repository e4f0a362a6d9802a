/** One text for one value, so that it can be hashed: sorted keys, no spaces. Pure. */

/** @param value plain JSON; fields that are undefined are left out. @throws for anything else. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) {
    return `[${Array.from(value, (each) => canonicalJson(each ?? null)).join(',')}]`
  }
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value)
      .filter(([, each]) => each !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => `${JSON.stringify(key)}:${canonicalJson(each)}`)
    return `{${fields.join(',')}}`
  }
  const text: string | undefined = JSON.stringify(value)
  if (text === undefined) throw new Error(`a ${typeof value} is not JSON`)
  return text
}

/** @returns undefined for text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

/** Whether a value has fields: not null, not an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
