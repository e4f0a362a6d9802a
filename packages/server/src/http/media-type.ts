/**
 * The Content-Type of a request, RFC 9110 §8.3. What a route cannot read is refused before its body
 * is: a page of another site can send forms and plain text to anybody, but no JSON. Pure.
 */

/**
 * @param header as it came; two of them are joined by a comma and are none.
 * @param wanted lowercase, such as `application/json`.
 * @returns whether it is that type, in UTF-8 where it names a character set (RFC 8259 §8.1).
 */
export function isMediaType(header: string | null, wanted: string): boolean {
  if (header === wanted) return true
  const [type = '', ...parameters] = (header ?? '').split(';')
  if (type.trim().toLowerCase() !== wanted) return false
  return parameters.every((parameter) => {
    const [name = '', value = ''] = parameter.split('=', 2)
    if (name.trim().toLowerCase() !== 'charset') return !parameter.includes(',')
    return UTF8.test(value.trim())
  })
}

const UTF8 = /^(?:utf-?8|"utf-?8")$/i

export const JSON_TYPE = 'application/json'
export const FORM_TYPE = 'application/x-www-form-urlencoded'
