/**
 * Names of fields that hold a secret, so that none becomes an argument and each is shown apart. A
 * schema can say `writeOnly` besides.
 */
export const SECRET_NAME = /^(?:value|token|password)$|(?:Secret|Password|Token|PrivateKey)$/
